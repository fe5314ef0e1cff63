"""The rules that are installed: packs are loaded through the entry point group, codes and names are unique."""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType

from optlint.builtin import BUILTINS
from optlint.packs import Pack, installed_packs
from optlint.rule import Rule

_CODE = re.compile(r"[A-Z]{2,}[0-9]{3}")


class CatalogError(Exception):
    """A rule pack cannot be used; the message names the pack, the reason and the remedy."""


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A rule and what its file says about it.

    `name` is the file's name in kebab-case, `card` the file's docstring, `pack` the package that holds it and
    `family` the sub-package, "" at the top.
    """

    rule: Rule
    name: str
    card: str
    pack: str
    family: str


def load_catalog(packs: Iterable[Pack] | None = None) -> tuple[CatalogEntry, ...]:
    """Import every rule of the packs (default: all that are installed) and return them by code.

    Raises:
        CatalogError: there is no pack, one cannot be imported or needs a newer optlint, or two rules share a code
            or a name.
    """
    packs = installed_packs(sys.path) if packs is None else list(packs)
    if not packs:
        raise CatalogError("no rule pack is installed: install optlint again (`pip install optlint`)")
    entries: list[CatalogEntry] = []
    for pack in packs:
        entries += _load(pack)
    entries.sort(key=lambda entry: entry.rule.code)
    _check_unique(entries)
    return tuple(entries)


def known_names(entries: Iterable[CatalogEntry]) -> dict[str, str]:
    """Return the name of every code that optlint can report, in the order of the codes."""
    names = {builtin.code: builtin.name for builtin in BUILTINS}
    names.update((entry.rule.code, entry.name) for entry in entries)
    return dict(sorted(names.items()))


def _load(pack: Pack) -> Iterator[CatalogEntry]:
    package = _import(pack, pack.package)
    _check_version(pack, package)
    for module_name in _modules(pack, package):
        module = _import(pack, module_name)
        rule = getattr(module, "RULE", None)
        if rule is not None:
            yield _entry(pack, module, rule)


def _modules(pack: Pack, package: ModuleType) -> list[str]:
    """Return the names of all modules below a package, imported or not, sorted."""
    if not hasattr(package, "__path__"):
        return [package.__name__]
    names: list[str] = []
    for info in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        names.append(info.name)
        if info.ispkg:
            names += _modules(pack, _import(pack, info.name))
    return sorted(names)


def _import(pack: Pack, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise CatalogError(
            f"the rule pack {pack} cannot be imported, `{name}` raises {type(error).__name__}: {error}; "
            f"mend it or uninstall `{pack.distribution}`"
        ) from error


def _check_version(pack: Pack, package: ModuleType) -> None:
    from optlint.api import VERSION

    required = getattr(package, "REQUIRES_API", VERSION)
    if required > VERSION:
        raise CatalogError(
            f"the rule pack {pack} needs version {required} of `optlint.api` and there is {VERSION}: upgrade optlint"
        )


def _entry(pack: Pack, module: ModuleType, rule: object) -> CatalogEntry:
    if not isinstance(rule, Rule):
        raise CatalogError(f"the rule pack {pack} is broken: `{module.__name__}.RULE` is no `optlint.api.Rule`")
    if not _CODE.fullmatch(rule.code):
        raise CatalogError(
            f"the rule pack {pack} is broken: the code `{rule.code}` of `{module.__name__}` is not of the form ABC123"
        )
    family, _, name = module.__name__.removeprefix(pack.package).lstrip(".").rpartition(".")
    return CatalogEntry(rule, name.replace("_", "-"), (module.__doc__ or "").strip(), pack.package, family)


def _check_unique(entries: list[CatalogEntry]) -> None:
    owners: dict[str, str] = {}
    for builtin in BUILTINS:
        owners[builtin.code] = owners[builtin.name] = "optlint"
    for entry in entries:
        for key in (entry.rule.code, entry.name):
            if key in owners:
                raise CatalogError(
                    f"two rules are called `{key}`, in the packs `{owners[key]}` and `{entry.pack}`: "
                    "uninstall one of the two"
                )
            owners[key] = entry.pack
