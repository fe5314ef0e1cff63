"""The data of a page's plots as compact JSON: runs that several findings share stand there once.

The script of the page reads this:

- `sites`: `[place, text]` of each line of source;
- `moves`: what changed a rate between two updates, as `[site, times]` pairs;
- `runs`: of each trace its walks: `n` the name, `u` the updates, `s` their sites, `c` their moves (-1 for none), `r`
  the rates and `d` the due rates a group (null where they are equal to `r`), `t` the way travelled and `w` the way of
  the reference (null where it is equal to `t`), both in nine digits, `g` what the groups are called, where that is not
  by their number;
- `plots`: of each finding its `pairs` of runs `[as written, as fixed, the one whose due rates and due way are the
  reference]` with -1 for none, one for each combination that differs from the others, `at`, the update of the first
  divergence or 0, `of`, the quantity that diverges, `log`, the kinds of plot that have a logarithmic axis,
  `fix`, whether there is a fix that was run, and `mended`, whether it is validated.

A column is a list, `{"r": [count, value, ...]}` for stretches of equal values, or `{"a": [first, step, count]}`.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from optlint.report.curves import Site, Walk

Walks: TypeAlias = tuple[Walk, ...]


@dataclass(slots=True)
class _Table:
    """Values by number, each once."""

    rows: list[Any] = field(default_factory=list)
    numbers: dict[Hashable, int] = field(default_factory=dict)

    def number(self, key: Hashable, row: Any) -> int:
        if key not in self.numbers:
            self.numbers[key] = len(self.rows)
            self.rows.append(row)
        return self.numbers[key]


class Plots:
    """Gathers the plots of a page."""

    __slots__ = ("_known", "_moves", "_plots", "_runs", "_sites")

    def __init__(self) -> None:
        self._sites, self._moves = _Table(), _Table()
        self._runs: list[list[dict[str, Any]]] = []
        self._known: dict[Walks, int] = {}
        self._plots: list[dict[str, Any]] = []

    def add(
        self,
        pairs: Sequence[tuple[Walks, Walks]],
        divergence: int = 0,
        quantity: str = "",
        *,
        reference: bool = True,
        fixable: bool = False,
        mended: bool = False,
        logarithmic: Sequence[str] = (),
    ) -> int | None:
        """Add the plots of a finding and return their number, or None where no run made an update.

        Args:
            pairs: The walks as written and as fixed, in each combination; empty for a run that made no update.
            divergence: The number of the update at which the code as written departs, 0 for none.
            quantity: What departs there.
            reference: Whether what is due is drawn as well.
            fixable: Whether there is a fix that was run.
            mended: Whether the fixed code is known to be right: the reference is then that of its run. Else it is that
                of the code as written, for what is due to a wrong fix may be wrong itself.
            logarithmic: The kinds of plot, `rate` and `way`, that have a logarithmic axis.
        """
        numbers = [self._pair(*pair, reference, mended) for pair in dict.fromkeys(pairs) if any(pair)]
        if not numbers:
            return None
        plot: dict[str, Any] = {"at": divergence, "pairs": numbers}
        more = {"of": quantity, "log": list(logarithmic), "fix": fixable, "mended": mended}
        self._plots.append(plot | {name: value for name, value in more.items() if value})
        return len(self._plots) - 1

    def combinations(self, plot: int) -> int:
        """Return how many combinations of a plot differ from one another."""
        return len(self._plots[plot]["pairs"])

    def as_json(self) -> str:
        """Return all of it as JSON in ASCII that can stand in a `script` element."""
        data = {"sites": self._sites.rows, "moves": self._moves.rows, "runs": self._runs, "plots": self._plots}
        text = json.dumps(data, separators=(",", ":"), allow_nan=False)
        return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")

    def _pair(self, written: Walks, fixed: Walks, reference: bool, mended: bool) -> list[int]:
        first, second = self._run(written), self._run(fixed)
        if not reference:
            return [first, second, -1]
        return [first, second, second if first < 0 or (mended and second >= 0) else first]

    def _run(self, run: Walks) -> int:
        if not run:
            return -1
        if run not in self._known:
            self._known[run] = len(self._runs)
            self._runs.append([self._walk(each) for each in run])
        return self._known[run]

    def _walk(self, walk: Walk) -> dict[str, Any]:
        rates = [_packed([_number(rate) for rate in group]) for group in walk.rates]
        due = [_packed([_number(rate) for rate in group]) for group in walk.due]
        way = _packed([_short(way) for way in walk.travelled])
        due_way = _packed([_short(way) for way in walk.reference or (None,) * len(walk.updates)])
        return {
            "n": walk.name,
            "u": _counted(walk.updates),
            "s": _packed([self._site(site) for site in walk.sites]),
            "c": _packed([self._move(changes) for changes in walk.changes]),
            "r": rates,
            "d": None if due == rates else due,
            "t": way,
            "w": None if due_way == way else due_way,
        } | ({"g": list(walk.groups)} if walk.groups else {})

    def _site(self, site: Site | None) -> int:
        return -1 if site is None else self._sites.number(site, [site.place, site.text])

    def _move(self, changes: tuple[tuple[Site, int], ...]) -> int:
        if not changes:
            return -1
        return self._moves.number(changes, [[self._site(site), times] for site, times in changes])


def _number(value: float | None) -> float | None:
    """Return a number that JSON has, or None: the curve has a gap there."""
    return value if value is not None and math.isfinite(value) else None


def _short(value: float | None) -> float | None:
    return float(f"{value:.9g}") if value is not None and math.isfinite(value) else None


def _packed(values: Sequence[Any]) -> Any:
    stretches: list[Any] = []
    for value in values:
        if stretches and stretches[-1] == value:
            stretches[-2] += 1
        else:
            stretches += [1, value]
    return {"r": stretches} if len(stretches) < len(values) else list(values)


def _counted(values: Sequence[int]) -> Any:
    if len(values) < 3:
        return list(values)
    step = values[1] - values[0]
    even = all(later - earlier == step for earlier, later in itertools.pairwise(values))
    return {"a": [values[0], step, len(values)]} if even else list(values)
