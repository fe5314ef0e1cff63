"""Files of the project: which file an import names, and its parsed module; only what is needed is parsed."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from optlint.program.modules import ModuleInfo
from optlint.source.text import NOTEBOOK_SUFFIX, Source, SourceError
from optlint.source.text import parse as parse_text
from optlint.torch_api.releases import TorchRange

LARGEST = 5_000_000
"""Bytes; a larger file is data, not a program."""
KEPT = 1_700_000
"""Characters of source whose syntax trees are kept in memory."""
LEVELS = 6
"""How many folders above a file its project may begin."""
_DEFINITION = re.compile(rb"^(?:async )?(?:def|class)[ \t]+(\w+)", re.MULTILINE)
_EVENTFUL_LITERALS = tuple(
    b"step backward grad optim Opt opt chedul _lr parameters Adam SGD Module nn. cuda( .to( .eval( .train( .half("
    b" shard FSDP parallelize peft".split()
)
"""What `_EVENTFUL` asks for, a little wider: looking for literals first is several times faster."""
_EVENTFUL = re.compile(
    rb"\bstep\b|backward|grad\b|optim|[Oo]pt\b|[Ss]chedul|_lr\b|parameters|Adam|SGD|Module\b|\bnn\.|cuda\(|\.to\("
    rb"|\.eval\(|\.train\(|\.half\(|shard|FSDP|parallelize|peft"
)
"""A definition without any of these does nothing to an optimizer, nor does it make one."""
_PROJECT_MARKS = ("pyproject.toml", "setup.py", "setup.cfg", ".git", "optlint.toml")


class ParseError(Exception):
    """A file that is no Python program here; the message is one line that names the reason and the remedy."""

    def __init__(self, reason: str, row: int = 1, column: int = 1) -> None:
        super().__init__(reason)
        self.reason = reason
        self.row = row
        self.column = column


def parse(path: Path, data: bytes) -> ModuleInfo:
    """Parse bytes to a module.

    Raises:
        ParseError: too large, not text, or no Python.
    """
    try:
        # The size of a notebook is that of its outputs: its code is what counts.
        source = Source.from_bytes(path, data) if path.suffix == NOTEBOOK_SUFFIX else None
        if len(data if source is None else source.text) > LARGEST:
            raise ParseError(f"the file is larger than {LARGEST // 1_000_000} MB: exclude it, or split it")
        source = source or Source.from_bytes(path, data)
        tree = parse_text(source.text)
    except SourceError as error:
        raise ParseError(error.reason, error.row, error.column) from None
    return ModuleInfo(path, source, tree)


@lru_cache(maxsize=4096)
def _names(folder: str) -> frozenset[str]:
    try:
        return frozenset(entry.name for entry in Path(folder).iterdir())
    except OSError:
        return frozenset()


@lru_cache(maxsize=4096)
def search_roots(folder: Path) -> tuple[Path, ...]:
    """Return the folders from which a file in `folder` may import, the nearest first.

    Those are the folder itself, every folder above it up to the project's own (the first that holds a project
    file, or the topmost package), and a `src` folder beside each.
    """
    roots: list[Path] = []
    current = folder
    for _ in range(LEVELS):
        names = _names(str(current))
        roots.append(current)
        if "src" in names and (current / "src").is_dir():
            roots.append(current / "src")
        if any(mark in names for mark in _PROJECT_MARKS) or current.parent == current:
            break
        if "__init__.py" not in names and current != folder and "__init__.py" not in _names(str(folder)):
            break
        current = current.parent
    return tuple(roots)


def forget_folders() -> None:
    """Forget which files there are; a process that waits for changes asks anew."""
    _names.cache_clear()
    search_roots.cache_clear()


class Project:
    """The files that one run looks at and those that they import.

    `screen` tells from a file's bytes whether it can matter at all; others are taken to be unknown. `required` finds
    out which torch they must run with, and is asked at most once.
    """

    def __init__(self, screen: Callable[[bytes], bool], required: Callable[[], TorchRange] = TorchRange) -> None:
        self._screen = screen
        self._required = required
        self._torch: TorchRange | None = None
        self._modules: OrderedDict[Path, ModuleInfo | None] = OrderedDict()
        self._kept = 0
        self._defined: dict[Path, dict[str, bool]] = {}
        self._places: dict[tuple[Path, str], Path | None] = {}

    def torch(self) -> TorchRange:
        """Return the releases of torch that the files must run with."""
        if self._torch is None:
            self._torch = self._required()
        return self._torch

    def forget(self) -> None:
        """Drop all parsed files."""
        self._modules.clear()
        self._kept = 0

    def add(self, module: ModuleInfo) -> None:
        """Take a parsed module in; those that were not asked for longest make room."""
        before = self._modules.pop(module.path, None)
        self._kept += len(module.source.text) - (len(before.source.text) if before else 0)
        self._modules[module.path] = module
        while self._kept > KEPT and len(self._modules) > 1:
            _, oldest = self._modules.popitem(last=False)
            self._kept -= len(oldest.source.text) if oldest else 0

    def loaded(self, path: Path, data: bytes) -> ModuleInfo | None:
        """Return the module of a file that was parsed before, if it had these bytes."""
        module = self._modules.get(path)
        return module if module is not None and module.source.data == data else None

    def load(self, path: Path) -> ModuleInfo | None:
        """Return the parsed module of a file, or None where it is irrelevant or cannot be read or parsed."""
        if path in self._modules:
            self._modules.move_to_end(path)
            return self._modules[path]
        module: ModuleInfo | None = None
        try:
            data = path.read_bytes()
            if self._screen(data):
                module = parse(path, data)
        except (OSError, ParseError):
            module = None
        if module is None:
            self._modules[path] = None
        else:
            self.add(module)
        return module

    def worth_following(self, path: Path, name: str) -> bool:
        """Whether what a file defines under a name may do anything to optimizers, as far as its text shows.

        This is asked before the file is parsed. Names that the file does not define itself may come from elsewhere.
        """
        index = self._defined.get(path)
        if index is None:
            index = self._defined[path] = self._definitions(path)
        return index.get(name, True) if name else any(index.values()) or not index

    def _definitions(self, path: Path) -> dict[str, bool]:
        """Return the functions and classes at the top level of a file, and whether their text is relevant."""
        try:
            data = path.read_bytes()
        except OSError:
            return {}
        starts = list(_DEFINITION.finditer(data))
        ends = [*(match.start() for match in starts[1:]), len(data)][: len(starts)]
        return {
            match.group(1).decode("utf-8", "replace"): _is_eventful(data[match.end() : end])
            for match, end in zip(starts, ends, strict=True)
        }

    def locate(self, importer: Path, dotted: str, level: int = 0) -> Path | None:
        """Return the file that `import dotted` (with `level` leading dots) in `importer` names, or None."""
        key = (importer.parent, "." * level + dotted)
        if key not in self._places:
            self._places[key] = self._locate(importer, dotted, level)
        return self._places[key]

    def _locate(self, importer: Path, dotted: str, level: int) -> Path | None:
        if level:
            base = importer.parent
            for _ in range(level - 1):
                base = base.parent
            return _module_file(base, dotted.split(".") if dotted else [])
        parts = dotted.split(".")
        for root in search_roots(importer.parent):
            names = _names(str(root))
            if parts[0] in names or f"{parts[0]}.py" in names:
                found = _module_file(root, parts)
                if found is not None:
                    return found
        return None


def _module_file(base: Path, parts: list[str]) -> Path | None:
    """Return the file of a module below `base`: a `.py` file, or a package's `__init__.py`."""
    for part in parts[:-1]:
        base = base / part
    names = _names(str(base))
    if not parts:
        return base / "__init__.py" if "__init__.py" in names else None
    last = parts[-1]
    if last in names:
        package = base / last
        if "__init__.py" in _names(str(package)):
            return package / "__init__.py"
    if f"{last}.py" in names:
        return base / f"{last}.py"
    return None


def _is_eventful(definition: bytes) -> bool:
    return any(literal in definition for literal in _EVENTFUL_LITERALS) and _EVENTFUL.search(definition) is not None
