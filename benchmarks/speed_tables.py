"""The results of `speed.py` as Markdown: ratios first, seconds beside them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_MEBIBYTE = 2**20


def markdown(results: dict[str, Any]) -> str:
    """Return the page; `results` is what `results.json` holds."""
    heavy, whole, start = results["heavy"], results["whole"], results["start"]
    parts = [
        "# Speed",
        f"One run of `make bench`: Python {results['python']}, {results['cores']} cores, the tools in turns, output "
        "thrown away, the best of so many rounds. The seconds depend on the machine; the ratios are what counts. "
        "Processor seconds are those of all processes of a tool.",
        "## Torch-heavy code",
        f"{_extent(heavy)}: {', '.join(heavy['packages'])}.",
        _tools(heavy["tools"]),
        "## The whole corpus",
        f"{_extent(whole)} of {whole['packages']} packages; `make corpus` fetches them.",
        _tools(whole["tools"]),
        "## Start-up, one file",
        _starts(start),
        "## Targets",
        _targets(heavy["tools"], whole["tools"], start),
    ]
    return "\n\n".join(parts) + "\n"


def _extent(part: dict[str, Any]) -> str:
    return f"{part['files']:,} files, {part['lines']:,} lines"


def _tools(tools: dict[str, Any]) -> str:
    own = tools["optlint"]
    rows = (
        (
            f"{name} {tool['version']}",
            f"`{tool['call']}`",
            f"{tool['wall']:.2f}",
            f"{tool['cpu']:.2f}",
            _times(tool["wall"] / own["wall"]),
            _times(tool["cpu"] / own["cpu"]),
            f"{tool['peak'] / _MEBIBYTE:.0f}",
            str(tool["rounds"]),
        )
        for name, tool in tools.items()
    )
    head = ("tool", "call", "wall s", "processor s", "wall ÷ optlint", "processor ÷ optlint", "peak MiB", "rounds")
    return _table(head, rows)


def _starts(start: dict[str, Any]) -> str:
    bare = start["python -c pass"]
    rows = (
        (
            kind if kind == "python -c pass" else f"`optlint check FILE`, {kind}",
            f"{case['wall'] * 1000:.0f}",
            _times(case["wall"] / bare["wall"]),
            f"{case['peak'] / _MEBIBYTE:.0f}",
            str(case["rounds"]),
        )
        for kind, case in start.items()
    )
    return _table(("call", "wall ms", "÷ `python -c pass`", "peak MiB", "rounds"), rows)


def _targets(heavy: dict[str, Any], whole: dict[str, Any], start: dict[str, Any]) -> str:
    faster = heavy["TorchFix"]["cpu"] / heavy["optlint"]["cpu"]
    slower = whole["optlint"]["cpu"] / whole["ruff"]["cpu"]
    slower_wall = whole["optlint"]["wall"] / whole["ruff"]["wall"]
    peak = whole["optlint"]["peak"] / _MEBIBYTE
    first = start["without torch"]["wall"] / start["python -c pass"]["wall"]
    rows = (
        ("TorchFix ÷ optlint, torch-heavy, processor", "at least 30", f"{faster:.1f}", _reached(faster >= 30)),
        ("optlint ÷ ruff, whole corpus, processor", "at most 10", f"{slower:.1f}", _reached(slower <= 10)),
        ("optlint ÷ ruff, whole corpus, wall", "at most 10", f"{slower_wall:.1f}", _reached(slower_wall <= 10)),
        ("peak memory of optlint, whole corpus, MiB", "at most 200", f"{peak:.0f}", _reached(peak <= 200)),
        ("a file without torch ÷ `python -c pass`", "at most 5", f"{first:.1f}", _reached(first <= 5)),
    )
    return _table(("what", "target", "measured", "reached"), rows)


def _reached(is_so: bool) -> str:
    return "yes" if is_so else "no"


def _times(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
