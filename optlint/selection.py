"""Which codes a run reports: selectors are codes, prefixes of codes, names, or ALL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from optlint.builtin import ALWAYS_REPORTED
from optlint.nearest import did_you_mean

ALL = "ALL"


class SelectionError(Exception):
    """A selector names nothing that is installed; the message names it, its place and the nearest name."""

    def __init__(self, selector: str, origin: str, near: str) -> None:
        super().__init__(f"no rule is called `{selector}` (from {origin}){near}")
        self.selector = selector
        self.origin = origin
        self.near = near


@dataclass(frozen=True, slots=True)
class Layer:
    """The selectors of one place; a later layer overrules an earlier one.

    `origin` names the place in messages. `select` None keeps what the layer before selected.
    """

    origin: str
    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


def resolve(selector: str, names: Mapping[str, str], origin: str) -> frozenset[str]:
    """Return the codes that a selector means; `names` maps every known code to its name.

    Raises:
        SelectionError: it means none.
    """
    if selector == ALL:
        return frozenset(names)
    codes = frozenset(code for code, name in names.items() if selector == name or code.startswith(selector.upper()))
    if not selector or not codes:
        near = did_you_mean(selector, (*names, *names.values())) or "; `optlint rules` lists them all"
        raise SelectionError(selector, origin, near)
    return codes


def select(names: Mapping[str, str], layers: Iterable[Layer]) -> frozenset[str]:
    """Return the codes to report, all of `names` to begin with.

    Within a layer the longer selector wins (`select = ["OPT1"]` with `ignore = ["OPT101"]`), and `ignore` wins
    between equals.

    Raises:
        SelectionError: a selector means nothing.
    """
    chosen = frozenset(names)
    for layer in layers:
        wanted = _weights((*(layer.select or ()), *layer.extend_select), names, layer.origin)
        unwanted = _weights(layer.ignore, names, layer.origin)
        base = chosen if layer.select is None else ALWAYS_REPORTED
        chosen = frozenset(code for code in names if _reported(code, wanted, unwanted, base))
    return chosen


def _reported(code: str, wanted: Mapping[str, int], unwanted: Mapping[str, int], base: frozenset[str]) -> bool:
    if code not in wanted and code not in unwanted:
        return code in base
    return wanted.get(code, -1) > unwanted.get(code, -1)


def _weights(selectors: Sequence[str], names: Mapping[str, str], origin: str) -> dict[str, int]:
    """Return, for each code that is meant, how exactly the best selector means it."""
    weights: dict[str, int] = {}
    for selector in selectors:
        for code in resolve(selector, names, origin):
            exact = selector == names[code] or selector.upper() == code
            weight = len(code) if exact else 0 if selector == ALL else len(selector)
            weights[code] = max(weights.get(code, 0), weight)
    return weights
