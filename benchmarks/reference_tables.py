"""The results of `reference.py` as Markdown: the reference by torch's single-tensor path first, then the figures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

MOST_TIME, MOST_MEMORY = 1.5, 1.25
"""The targets, as parts of what torch's single-tensor path takes."""

_MEBIBYTE = 2**20


def markdown(results: dict[str, Any]) -> str:
    """Return the page; `results` is what `reference.json` holds."""
    rows, columns = results["shape"]
    parts = [
        "# The reference's speed",
        f"One run of `make bench-reference`: Python {results['python']}, torch {results['torch']}, {results['cores']} "
        f"cores, {results['threads']} threads; {results['tensors']} parameters of float32, {rows} by {columns} each. "
        "Time is the best of so many steps, the contestants in turns. Memory is the most that parameters, gradients, "
        "state and temporaries take together over the first steps. The seconds depend on the machine; the ratios are "
        f"what counts. The targets: at most {MOST_TIME} times the time of torch's single-tensor path, and "
        f"{MOST_MEMORY} times its memory.",
    ]
    for device, classes in results["classes"].items():
        parts += [f"## {device.upper()} ({results['devices'][device]})", _table(_HEAD, map(_row, classes.items()))]
        if device == "cpu":
            parts += [_HOLES, _table(_RESIDENT_HEAD, map(_resident_row, classes.items()))]
        parts += [_notes(classes)]
    return "\n\n".join(parts) + "\n"


_HEAD = (
    *("class", "time ÷ single", "memory ÷ single", "reached", "reference ms", "single ms", "foreach ms"),
    *("time ÷ foreach", "reference MiB", "single MiB", "foreach MiB", "rounds"),
)
_RESIDENT_HEAD = ("class", "÷ single", "reference MiB", "single MiB", "foreach MiB")
_HOLES = (
    "That is the memory of living tensors. What is resident with glibc's allocator as it comes has holes too, where "
    "tensors were freed; a pure update frees one of each kind for each parameter:"
)
_CONTESTANTS = ("reference", "single-tensor", "foreach")


def _row(item: tuple[str, dict[str, Any]]) -> tuple[str, ...]:
    name, result = item
    time, peak = result["time"], result["peak"]
    slower, larger = (figures["reference"] / figures["single-tensor"] for figures in (time, peak))
    return (
        name,
        f"{slower:.2f}",
        f"{larger:.2f}",
        "yes" if slower <= MOST_TIME and larger <= MOST_MEMORY else "no",
        *(f"{time[each] * 1000:.1f}" if each in time else "" for each in _CONTESTANTS),
        f"{time['reference'] / time['foreach']:.2f}" if "foreach" in time else "",
        *_mebibytes(peak),
        str(time["rounds"]),
    )


def _resident_row(item: tuple[str, dict[str, Any]]) -> tuple[str, ...]:
    name, result = item
    resident = result["resident"]
    return (name, f"{resident['reference'] / resident['single-tensor']:.2f}", *_mebibytes(resident))


def _mebibytes(figures: dict[str, int]) -> tuple[str, ...]:
    return tuple(f"{figures[each] / _MEBIBYTE:.0f}" if each in figures else "" for each in _CONTESTANTS)


def _notes(classes: dict[str, dict[str, Any]]) -> str:
    options = [
        f"{name}({', '.join(f'{option}={value}' for option, value in result['options'].items())})"
        for name, result in classes.items()
        if result["options"]
    ]
    return f"Options other than the defaults: {', '.join(f'`{each}`' for each in options) or 'none'}. {_SMALLER}"


_SMALLER = (
    "LBFGS has parameters of 25 by 400. Of SparseAdam's gradients 64 rows in 250 are there; torch writes these rows "
    "alone, the reference a new parameter, so the ratio grows with the rows that are not."
)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
