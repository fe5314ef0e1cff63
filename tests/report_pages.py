"""Findings with made-up replays, for pages: no torch is needed to make them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

from optlint.catalog import CatalogEntry
from optlint.finding import Finding, Level, Location, Step
from optlint.program.events import Act
from optlint.replay.cases import Case
from optlint.replay.pairs import Pair
from optlint.replay.script import Origin, ReplayScript, StandIn
from optlint.replay.trace import Happening, Kind, Thing, Trace, Update
from optlint.replay.verdict import Departure, FindingVerdict, FixVerdict, Reason, Verdict
from optlint.replay.verify import Verified
from optlint.replay.wire import Outcome
from optlint.report.html_page import html_page
from optlint.source.edits import Applicability, Edit, Fix
from optlint.source.text import Source, Span

TRAIN = """\
def train(model, loader, optimizer, scheduler):
    for batch in loader:
        scheduler.step()
        loss = model(batch)
        loss.backward()
        optimizer.step()
    return model
"""
FLAGGED = "scheduler.step()"
ROWS = {"schedule": 3, "step": 6, "fixed schedule": 6, "fixed step": 5}
"""Of the texts as written and as fixed; the scripts have a row more above."""


def source_of(name: str = "train.py", text: str = TRAIN) -> Source:
    """A file below the current folder."""
    return Source.from_bytes(Path(name).absolute(), text.encode())


def finding_in(source: Source, message: str = "the schedule runs early: `scheduler.step()` comes first") -> Finding:
    """A scheduler that steps before the optimizer, and its fix."""
    start = source.text.index(FLAGGED)
    place = _location(source, start, start + len(FLAGGED))
    line = source.line_starts[ROWS["schedule"] - 1], source.line_starts[ROWS["schedule"]]
    after = source.line_starts[ROWS["step"]]
    edits = (Edit(Span(*line), ""), Edit(Span(after, after), source.text[slice(*line)]))
    step = source.text.index("optimizer.step()")
    witness = (Step("`scheduler` steps", place), Step("`optimizer` steps", _location(source, step, step + 16)))
    fix = Fix("Step the scheduler after the optimizer", Applicability.UNSAFE, source.path, edits)
    return Finding("OPT101", "early", Level.ERROR, message, place, witness, fix, "The first rate is never used.")


def script_of(source: Source, text: str | None = None) -> ReplayScript:
    """The text below a line that comes from nowhere."""
    body = "standin.cover(4)\n" + (source.text if text is None else text)
    rows = body.count("\n")
    origins = (None, *(Origin(source.path, row) for row in range(1, rows)))
    return ReplayScript(body, origins, (StandIn("model", "the parameter `model`", Origin(source.path, 1)),))


def trace_of(
    rates: list[float],
    due: list[float],
    *,
    schedule: int = ROWS["schedule"] + 1,
    step: int = ROWS["step"] + 1,
    label: str = "optimizer",
) -> Trace:
    """A trace of one optimizer with one group; the scheduler steps before each update, the parameters go by rate.

    So do those of the reference, by the rates that are due.
    """
    things = (
        Thing(1, Kind.OPTIMIZER, "SGD", label=label),
        Thing(2, Kind.SCHEDULER, "StepLR", optimizer=1, label="scheduler"),
    )
    happenings = tuple(Happening(Act.SCHEDULE, schedule, (2,), made) for made in range(len(rates)))
    way, due_way, updates = 0.0, 0.0, []
    for number, pair in enumerate(zip(rates, due, strict=True), start=1):
        way, due_way = way + pair[0] / 3, due_way + pair[1] / 3
        updates.append(update(number, 1, step, (pair[0],), (pair[1],), way, due_way))
    return Trace(things, happenings, tuple(updates), None, False, "cpu", "2.13.0")


def update(
    number: int,
    optimizer: int,
    row: int,
    rates: tuple[float, ...],
    due: tuple[float, ...],
    way: float,
    due_way: float | None = None,
) -> Update:
    """An update of which only what is plotted matters."""
    return Update(number, optimizer, row, rates, due, None, None, ("weight",), (), (), way, travelled_reference=due_way)


WRITTEN = trace_of([0.05, 0.05, 0.025, 0.025, 0.0125], [0.1, 0.1, 0.05, 0.05, 0.025])
FIXED = trace_of(
    [0.1, 0.1, 0.05, 0.05, 0.025],
    [0.1, 0.1, 0.05, 0.05, 0.025],
    schedule=ROWS["fixed schedule"] + 1,
    step=ROWS["fixed step"] + 1,
)
CONFIRMED = Verdict(
    FindingVerdict.CONFIRMED,
    FixVerdict.VALIDATED,
    "learning rate",
    departure=Departure(
        "learning rate", 1, ROWS["step"] + 1, 0.05, 0.5, "update 1 uses the rate 0.05 where 0.1 is due"
    ),
    device="cpu",
    torch="2.13.0",
    sentence="confirmed on torch 2.13.0 on cpu: update 1 uses the rate 0.05 where 0.1 is due",
    fix_sentence="the learning rate is as it is due, and all else is kept",
)
REFUTED = replace(CONFIRMED, fix=FixVerdict.REFUTED, fix_sentence="refuted: update 1 uses the rate 0.1 still")
INCONCLUSIVE = Verdict(
    FindingVerdict.INCONCLUSIVE,
    FixVerdict.INCONCLUSIVE,
    "learning rate",
    Reason.TIMED_OUT,
    Reason.TIMED_OUT,
    sentence="inconclusive (timed out): timed out after 20 s",
    fix_sentence="inconclusive (timed out): timed out after 20 s",
)


def verified_of(
    source: Source,
    finding: Finding,
    original: tuple[Outcome, ...] = (WRITTEN,),
    fixed: tuple[Outcome, ...] = (FIXED,),
    verdict: Verdict = CONFIRMED,
) -> Verified:
    """A replay of a finding."""
    assert finding.fix is not None
    text = source.text
    for edit in reversed(finding.fix.edits):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    pair = Pair(script_of(source), script_of(source, text))
    return Verified(Case(cast("CatalogEntry", None), finding, "train", pair), verdict, pair, original, fixed)


def page_of(*replays: tuple[Source, Finding, Verified | None], library: str = "") -> str:
    """The page of some replays."""
    sources = {source.path: source for source, _, _ in replays}
    verdicts = {id(finding): verified for _, finding, verified in replays}
    findings = [finding for _, finding, _ in replays]
    return html_page(findings, lambda each: verdicts[id(each)], sources.get, len(sources), library)


def replay(name: str = "train.py", text: str = TRAIN, message: str | None = None) -> tuple[Source, Finding, Verified]:
    """A confirmed finding in a file of that name."""
    source = source_of(name, text)
    finding = finding_in(source) if message is None else finding_in(source, message)
    return source, finding, verified_of(source, finding)


def _location(source: Source, start: int, end: int) -> Location:
    return Location(source.path, Span(start, end), source.position(start), source.position(end))
