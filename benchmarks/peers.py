"""Measure how many of the fixtures' faults each tool reports; write `peers.md`.

Run `python benchmarks/peers.py`. A fault counts as reported if a tool says something of the wrong text that it does
not say of the mended one, whatever it says: each wrong fixture with a mended form is checked in both, under the same
name, and what a tool reports of the files is counted by its codes. So a tool gets no credit for what it reports of
any training script, and none of it is read in optlint's favour.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from contestants import ROOT, set_up, tools

FIXTURES = ROOT / "fixtures"
TABLE = Path(__file__).with_name("peers.md")
_MARK = re.compile(r"[ \t]*# finding: [^\n]*")
_FAMILIES = {"1": "order", "2": "parameters", "3": "devices", "4": "schedulers", "5": "AMP, clipping, accumulation"}

Reports = Counter[tuple[str, str]]
"""How often a tool reports a code in a file."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A tool: its name and version, the options that make it print what `read` understands."""

    name: str
    version: str
    call: tuple[str | Path, ...]
    read: Callable[[str], Reports]


def _json_list(text: str) -> Reports:
    return Counter((Path(each["filename"]).name, str(each["code"])) for each in json.loads(text))


def _preflight(text: str) -> Reports:
    found = json.loads(text)
    return Counter((Path(each["path"]).name, str(each["code"])) for each in found["diagnostics"])


def _lines(pattern: str) -> Callable[[str], Reports]:
    line = re.compile(pattern, re.MULTILINE)
    return lambda text: Counter((Path(match[1]).name, match[2]) for match in line.finditer(text))


_READ: dict[str, tuple[tuple[str, ...], Callable[[str], Reports]]] = {
    "optlint": (("--output-format", "json"), _json_list),
    "ruff": (("--output-format", "json"), _json_list),
    "TorchFix": ((), _lines(r"^(\S+?):\d+:\d+: (\w+)")),
    "Fixit": ((), _lines(r"^(\S+?)@\d+:\d+ (\w+)")),
    "torch-preflight": (("-f", "json"), _preflight),
}


def peers() -> list[Peer]:
    """Return all tools, each with all its rules on, but for ruff, whose own choice is taken: none is about torch."""
    return [
        Peer(tool.name, tool.version, (*tool.call, *options), read)
        for tool in tools(1, 1)
        for options, read in [_READ[tool.name]]
    ]


def lay_out(folder: Path) -> dict[str, str]:
    """Write the wrong and the mended texts into two folders; return the code of the rule by file name."""
    codes: dict[str, str] = {}
    for kind in ("wrong", "mended"):
        (folder / kind).mkdir()
    for mended in sorted(FIXTURES.glob("*/bad_*.fixed.py")):
        wrong = mended.with_name(mended.name.replace(".fixed.py", ".py"))
        text = wrong.read_text("utf-8")
        marked = re.search(r"# finding: (?:\w+ )?(OPT\d+)", text)
        if marked is None:
            continue
        name = f"{mended.parent.name.replace('-', '_')}__{wrong.name}"
        codes[name] = marked[1]
        (folder / "wrong" / name).write_text(_MARK.sub("", text), "utf-8")
        shutil.copy(mended, folder / "mended" / name)
    return codes


def reports(peer: Peer, folder: Path) -> Reports:
    """Run a tool on a folder."""
    done = subprocess.run([*peer.call, "."], cwd=folder, capture_output=True, text=True, check=False)
    return peer.read(done.stdout)


def table(codes: dict[str, str], found: dict[str, set[str]], versions: list[str]) -> str:
    """Return the page: a row a family, a column a tool."""
    head = ["faults", "texts", *found]
    rows = ["| " + " | ".join(head) + " |", "| --- " + "| ---: " * (len(head) - 1) + "|"]
    for digit, family in [*_FAMILIES.items(), ("", "all")]:
        names = {name for name, code in codes.items() if code.startswith(f"OPT{digit}")}
        cells = [f"{len(names & each)}" for each in found.values()]
        rows.append(f"| {family} | {len(names)} | {' | '.join(cells)} |")
    rules = len(set(codes.values()))
    return f"""# What other tools report of the same faults

`make bench-peers` writes this. Each of {len(codes)} wrong fixtures (of {rules} rules) has a mended form; a fault
counts as reported if a tool says something of the wrong text that it does not say of the mended one, whatever it
says. The fixtures are optlint's own, and it was built along them: read the columns of the others.
{", ".join(versions)}.

{chr(10).join(rows)}
"""


def main() -> int:
    """Measure, print and write."""
    set_up()
    contestants = peers()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        codes = lay_out(folder)
        found = {}
        for peer in contestants:
            wrong, mended = (reports(peer, folder / kind) for kind in ("wrong", "mended"))
            found[peer.name] = {name for name, _ in wrong - mended} & codes.keys()
    text = table(codes, found, [f"{peer.name} {peer.version}" for peer in contestants])
    TABLE.write_text(text, "utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
