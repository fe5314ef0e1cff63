"""Containers of modules as they stand in the bytes of a file, by which files and classes are chosen to be looked at."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cached_property, lru_cache

from optlint.api import ModuleInfo

_NOTHING = rb"(?:\[\s*\]|\{\s*\}|(?:list|dict|OrderedDict)\(\))"
_MODULES = (
    rb"(?:list|tuple|dict|OrderedDict)?[\[({]"
    rb"(?:[^=#()\[\]{}]|\([^()]*\)|\[[^\[\]]*\]|#[^\n]*\n){0,300}?(?:nn\.\w+|\b[A-Z]\w+)\("
)
"""A container that is written with a call of what may be a module's class."""
_GIVEN = re.compile(
    rb"self\.(\w+)\s*(?::[^=\n]{1,200})?=\s*"
    rb"(?:(" + _NOTHING + rb")|(?=(?:list|tuple|dict|OrderedDict)?[\[({])|(\w+)[ \t\r]*(?:[#;]|$))",
    re.MULTILINE,
)
"""What an attribute gets: an empty container, or a variable, or else another container that begins there."""
_FILLED = re.compile(_MODULES)
_OWN = re.compile(rb"self\.\w+\s*=\s*(?:\[|\{|\(|list\(|dict\(|tuple\()")
_KEPT = re.compile(rb"self\.\w+\s*=\s*\w+[ \t\r]*(?:[#;]|$)", re.MULTILINE)
_DISPLAY = re.compile(rb"=[ \t]*(?:(" + _NOTHING + rb")|" + _MODULES + rb")")
"""What something gets; in the group, an empty container."""
_LOCAL = re.compile(rb"(?:[^\n]*;)?[ \t]*(\w+)[ \t]*(?::[^=\n]{1,200})?\Z")
"""What stands before that where a variable gets it."""
_FILLING = re.compile(rb"\.(?:append|extend|insert|update)\(|\s*\[[^\]\n]*\]\s*=(?!=)|\s*\+=")
"""What stands behind something that is filled."""
_GETS = re.compile(rb"[ \t]*(?::[^=\n]{1,200})?=(?!=)")
"""What stands behind a variable that is assigned."""
_REST = re.compile(rb"(?:[^\n]*[\[({,][ \t\r]*(?:#[^\n]*)?\n)*[^\n]*")
"""The rest of a line, and of the next ones where it goes on."""
_LONG = 400
_CALL = re.compile(rb"(?<![\w.])(?:(\w+)\.(?:\w+\.)*)?(\w+)\(")
_NUMERIC = frozenset(b"torch np numpy math random os re F functional copy json time logging".split())
"""Packages that are imported everywhere and whose functions give no modules."""
_NO_MODULES = frozenset(b"Parameter Tensor Variable Counter OrderedDict Path Event Lock Thread Queue Series".split())
_FACTORY = re.compile(
    rb"(?i)conv|layer|block|build|make|create|module|net|model|linear|norm|head|coder|get_|embed|mlp|bn"
)
"""What functions of other files that give modules are called."""
_RETURNED = re.compile(rb"return +(?:self\.)?(\w+)\(")
_BRACKET = re.compile(rb"[][(){},]")
_LONGEST = 3_000
_NAME = re.compile(rb"[A-Za-z_]\w*")
_WORD = re.compile(rb"[\w.]")
_NAMES = re.compile(rb"[=\s\[({]*\w+(?:\s*,\s*\w+)*\s*,?\s*[\])}]*\s*(?:[#;][^\n]*)?|[^\n]*\selse\s[^\n]*")
"""Variables, alone or in a list, and nothing else; or one of two values."""
_IMPORTED = re.compile(rb"import\b([^\n(]{0,2000}(?:\([^)]{0,2000}\))?)")


def may_hold_containers(data: bytes) -> bool:
    """Whether the bytes of a file may hold a plain container of modules, or a program over such files."""
    return b"torch.optim" in data or _are_kept(data, data)


def is_given_containers(module: ModuleInfo, written: ast.ClassDef, trains: bool) -> bool:
    """Whether the text of a class may give it plain containers; in a program, modules may come from anywhere."""
    text = module.segment(written).encode()
    if trains:
        return _OWN.search(text) is not None or _KEPT.search(text) is not None
    return _are_kept(text, module.source.data)


def _are_kept(data: bytes, around: bytes) -> bool:
    """Whether an attribute gets a container that holds modules as written, or is filled later, or was a variable."""
    empty: set[bytes] = set()
    kept: set[bytes] = set()
    for given in _GIVEN.finditer(data):
        if given[2]:
            empty.add(b"self." + given[1])
        elif given[3]:
            kept.add(given[3])
        elif _FILLED.match(data, given.end()) is not None and _is_container(data, given.end()):
            return True
    for local, is_empty in _displays(data) if kept else ():
        if local in kept and not is_empty:
            return True
        if local in kept:
            empty.add(local)
    return any(map(_words(around).fill, empty))


def _is_container(data: bytes, start: int) -> bool:
    """Whether what begins at an offset is no expression in parentheses: a tuple has a comma."""
    if data[start : start + 1] != b"(":
        return True
    depth = 0
    for found in _BRACKET.finditer(data, start, start + _LONGEST):
        depth += 1 if found[0] in b"([{" else -1 if found[0] in b")]}" else 0
        if depth == 0 or (depth == 1 and found[0] == b","):
            return depth == 1
    return True


def _displays(data: bytes) -> Iterator[tuple[bytes, bool]]:
    """Yield the variables that get a display of modules, or an empty one."""
    for match in _DISPLAY.finditer(data):
        local = _LOCAL.match(data, data.rfind(b"\n", 0, match.start()) + 1, match.start())
        if local is not None:
            yield local[1], bool(match[1])


class _Words:
    """The words of a file: which of them may make a module, and which get one."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._functions: dict[bytes, bool] = {}
        """What was asked of functions before."""

    def fill(self, name: bytes) -> bool:
        """Whether code puts what may be a module into a variable, or into an attribute that is written `self.x`."""
        return any(map(self._may_make_module, self._after(name, _FILLING)))

    def _may_make_module(self, start: int) -> bool:
        """Whether the expression behind a bracket or `=` calls what may give a module, or names what has got one."""
        text = self._expression(start)
        if self._calls(text):
            return True
        names = _NAME.findall(text) if _NAMES.fullmatch(text) is not None else ()
        return any(self._calls(self._expression(at)) for name in names for at in self._after(name, _GETS))

    def _after(self, name: bytes, follows: re.Pattern[bytes]) -> Iterator[int]:
        """Yield the offset of the last byte of what follows a name, for each name that is followed by such."""
        data, at = self._data, self._data.find(name)
        while at >= 0:
            found = follows.match(data, at + len(name))
            if found is not None and _WORD.match(data, at - 1) is None:
                yield found.end() - 1
            at = data.find(name, at + len(name))

    def _expression(self, start: int) -> bytes:
        found = _REST.match(self._data, start, start + _LONG)
        return found[0] if found is not None else b""

    def _calls(self, text: bytes) -> bool:
        """Whether the first call in an expression may give a module: that of a class, or of a function that does."""
        found = _CALL.search(text)
        if found is None:
            return False
        owner, name = found.groups()
        if name[:1].isupper():
            return _may_be_module(name)
        if owner is None or owner == b"self":
            if name not in self._functions:
                is_factory = name in self._imported and _FACTORY.search(name) is not None
                self._functions[name] = is_factory or self._gives_module(name)
            return self._functions[name]
        return owner in self._imported

    def _gives_module(self, name: bytes, depth: int = 3) -> bool:
        """Whether a function of the file calls a class, or returns what another one gives that does."""
        start = self._data.find(b"def " + name + b"(") if depth else -1
        if start < 0:
            return False
        start += len(b"def ")
        end = self._data.find(b"def ", start, start + _LONGEST)
        body = self._data[start : end if end >= 0 else start + _LONGEST]
        called = {each[2] for each in _CALL.finditer(body)}
        if any(each[:1].isupper() and _may_be_module(each) for each in called):
            return True
        return any(each != name and self._gives_module(each, depth - 1) for each in _RETURNED.findall(body))

    @cached_property
    def _imported(self) -> frozenset[bytes]:
        names = (name for text in _IMPORTED.findall(self._data) for name in _NAME.findall(text))
        return frozenset(names) - _NUMERIC


def _may_be_module(name: bytes) -> bool:
    """Whether a class may be one of modules, by its name."""
    return name not in _NO_MODULES and not name.endswith((b"Error", b"Exception", b"Warning"))


@lru_cache(maxsize=1)
def _words(data: bytes) -> _Words:
    """Return the words of a file; its classes are asked for one after the other."""
    return _Words(data)
