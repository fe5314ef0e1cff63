"""What is shown of each optimizer: groups of the same rates once, schedulers with the lines that step them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from optlint.program.events import Act
from optlint.replay.handed_over import handed_over
from optlint.replay.pairs import Unsliced
from optlint.replay.schedules import EntrySchedule, Variant, rates_of
from optlint.replay.script import Origin, ReplayScript, StandIn
from optlint.replay.trace import Failure, Happening, Kind, Thing, Trace, Update
from optlint.replay.wire import Lost, Outcome
from optlint.report.rate_curves import OptimizerCurves, for_page, group_names, optimizer_curves
from optlint.report.schedule_words import acts_in_words, conditions, endings, nothing, summary_of
from report_pages import update

FILE = Path("train.py").absolute()
BODY = """\
optimizer = SGD(groups)
scheduler = StepLR(optimizer, 2)
for batch in batches:
    optimizer.step()
    scheduler.step()
optimizer = standin.optimizer(model)
"""
SCRIPT = ReplayScript(
    BODY,
    (*(Origin(FILE, row) for row in range(1, 6)), None),
    (StandIn("optimizer", "the parameter `optimizer` of `fit`", Origin(FILE, 1)),),
)


def made(number: int, row: int) -> Happening:
    return Happening(Act.NEW, row, (number,), 0)


def trace_of(*rates: tuple[float, ...], row: int = 1, label: str = "optimizer") -> Trace:
    """An optimizer that makes an update with each of the rates, and a scheduler that steps after each."""
    things = (
        Thing(1, Kind.OPTIMIZER, "SGD", label=label),
        Thing(2, Kind.SCHEDULER, "StepLR", optimizer=1, label="scheduler"),
    )
    steps = tuple(Happening(Act.SCHEDULE, 5, (2,), number) for number in range(1, len(rates) + 1))
    return trace(things, (made(1, row), made(2, 2), *steps), [(1, each) for each in rates])


def trace(
    things: tuple[Thing, ...], happenings: tuple[Happening, ...], rates: list[tuple[int, tuple[float, ...]]]
) -> Trace:
    updates: list[Update] = [
        update(number, optimizer, 4, each, each, 0.0) for number, (optimizer, each) in enumerate(rates, start=1)
    ]
    return Trace(things, happenings, tuple(updates), None, False, "cpu", "2.13.0")


def curves_of(written: Outcome, fixed: Outcome | None = None) -> tuple[OptimizerCurves, ...]:
    variant = Variant((), written, fixed)
    schedule = EntrySchedule("fit", SCRIPT, None if fixed is None else SCRIPT, variants=(variant,))
    return optimizer_curves(schedule, variant, lambda path: None)


def test_groups_of_the_same_rates_are_shown_as_one() -> None:
    [curves] = curves_of(trace_of((0.1, 0.2, 0.1, 0.1), (0.05, 0.1, 0.05, 0.05)))
    assert [(group.groups, group.written) for group in curves.groups] == [((0, 2, 3), (0.1, 0.05)), ((1,), (0.2, 0.1))]
    assert [group_names(group.groups, 4) for group in curves.groups] == ["groups 0, 2-3", "group 1"]


def test_groups_that_a_fix_tells_apart_are_two() -> None:
    [curves] = curves_of(trace_of((0.1, 0.1), (0.1, 0.1)), trace_of((0.1, 0.1), (0.1, 0.05)))
    assert [(group.groups, group.written, group.fixed) for group in curves.groups] == [
        ((0,), (0.1, 0.1), ()),
        ((1,), (0.1, 0.1), (0.1, 0.05)),
    ]


def test_a_group_that_comes_later_has_a_gap_before() -> None:
    [curves] = curves_of(trace_of((0.1,), (0.1, 0.3)))
    assert [group.written for group in curves.groups] == [(0.1, 0.1), (None, 0.3)]


@pytest.mark.parametrize(
    ("groups", "of", "name"),
    [
        ((0,), 1, ""),
        ((0, 1, 2), 3, ""),
        ((0,), 2, "group 0"),
        ((0, 1, 2), 4, "groups 0-2"),
        ((0, 1, 4, 6, 7), 8, "groups 0-1, 4, 6-7"),
    ],
)
def test_groups_are_named_by_their_ranges(groups: tuple[int, ...], of: int, name: str) -> None:
    assert group_names(groups, of) == name


def test_an_optimizer_has_its_line_and_its_schedulers_with_theirs() -> None:
    [curves] = curves_of(trace_of((0.1,), (0.05,)))
    assert (curves.name, curves.maker.kind, curves.maker.place) == ("optimizer", "SGD", "train.py:1")
    assert list(acts_in_words(curves)) == ["StepLR `scheduler` at train.py:2, stepped at train.py:5 (2 times)"]


def test_a_stand_in_is_said_to_be_one() -> None:
    [curves] = curves_of(trace_of((0.1,), row=6))
    assert curves.maker.place == ""
    assert curves.maker.replaced == "the parameter `optimizer` of `fit`"


def test_a_stand_in_that_has_no_name_is_told_by_its_line() -> None:
    body = BODY.replace("optimizer = SGD(groups)", "return standin.optimizer(model)")
    script = replace(SCRIPT, body=body)
    variant = Variant((), trace_of((0.1,)), None)
    [curves] = optimizer_curves(EntrySchedule("fit", script, variants=(variant,)), variant, lambda path: None)
    assert (curves.maker.place, curves.maker.replaced) == ("", "return standin.optimizer(model)")


def test_optimizers_of_one_name_are_told_apart() -> None:
    assert [each.maker.name for each in curves_of(two("optimizer", "optimizer"))] == ["optimizer (1)", "optimizer (2)"]
    assert [each.maker.name for each in curves_of(trace_of((0.1,), label=""))] == [""]


def test_schedulers_that_one_line_builds_are_told_once_and_the_idle_ones_too() -> None:
    things = (
        Thing(1, Kind.OPTIMIZER, "SGD", label="optimizer"),
        Thing(2, Kind.SCHEDULER, "StepLR", optimizer=1, label="scheduler"),
        Thing(3, Kind.SCHEDULER, "StepLR", optimizer=1, label="scheduler"),
        Thing(4, Kind.SCHEDULER, "LinearLR", optimizer=1),
        Thing(5, Kind.SCHEDULER, "ChainedScheduler", optimizer=1, children=(4,)),
    )
    happenings = (
        *(made(number, min(number, 3)) for number in (1, 4, 5)),
        made(2, 2),
        made(3, 2),
        Happening(Act.SCHEDULE, 5, (2,), 1),
        Happening(Act.SCHEDULE, 5, (3,), 1),
        Happening(Act.SET_RATE, 4, (1,), 1, by_hand=True),
    )
    [curves] = curves_of(trace(things, happenings, [(1, (0.1,))]))
    assert list(acts_in_words(curves)) == [
        "StepLR `scheduler` at train.py:2, built 2 times, stepped at train.py:5 (2 times)",
        "ChainedScheduler of LinearLR at train.py:3, never stepped",
        "the rate is changed by hand, which is seen at train.py:4 (1 time)",
    ]


def two(first: str, second: str) -> Trace:
    things = (Thing(1, Kind.OPTIMIZER, "Adam", label=first), Thing(2, Kind.OPTIMIZER, "Adam", label=second))
    return trace(things, (made(1, 1), made(2, 2)), [(1, (0.1,)), (2, (0.2,))])


def test_optimizers_as_written_and_as_fixed_are_matched_by_name_and_else_by_rank() -> None:
    swapped = two("optimizer_d", "optimizer_g")
    by_name = curves_of(two("optimizer_g", "optimizer_d"), swapped)
    assert [(each.name, each.groups[0].written, each.groups[0].fixed) for each in by_name] == [
        ("optimizer_g", (0.1,), (0.2,)),
        ("optimizer_d", (0.2,), (0.1,)),
    ]
    by_rank = curves_of(two("a", "b"), two("c", "d"))
    assert [(each.name, each.groups[0].fixed) for each in by_rank] == [("a", ()), ("b", ())]


def test_what_only_the_fixed_code_does_is_shown_as_that() -> None:
    nothing_made = replace(trace_of(), failure=Failure("TypeError", "no such option", 2, False))
    [curves] = curves_of(nothing_made, trace_of((0.1,), (0.05,)))
    assert (curves.updates, curves.fixed_updates) == (0, 2)
    assert (curves.groups[0].written, curves.groups[0].fixed) == ((), (0.1, 0.05))


def test_a_page_has_a_curve_for_groups_of_the_same_rates_and_counts_the_updates_of_the_optimizer() -> None:
    things = (Thing(1, Kind.OPTIMIZER, "Adam", label="g"), Thing(2, Kind.OPTIMIZER, "Adam", label="d"))
    rates = [(1, (0.1, 0.1, 0.2)), (2, (0.3,)), (1, (0.1, 0.1, 0.2))]
    first, _ = curves_of(trace(things, (), rates))
    [walk], fixed = for_page(first)
    assert (walk.groups, walk.rates, walk.updates) == (("groups 0-1", "group 2"), ((0.1, 0.1), (0.2, 0.2)), (1, 2))
    assert fixed == ()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((0.1, 0.1), "first 0.1, peak 0.1, last 0.1, 2 updates"),
        ((0.1, 0.3, 0.2), "first 0.1, peak 0.3 at update 2, last 0.2, 3 updates"),
        ((0.1, 0.3, 0.1, math.nextafter(0.3, 1.0), 0.1), "first 0.1, peak 0.3 at update 2, last 0.1, 5 updates"),
        ((None, 0.1), "first 0.1, peak 0.1, last 0.1, 2 updates (1 without a finite rate)"),
        ((-0.1, -0.2), "first -0.1, peak -0.1, last -0.2, 2 updates"),
        ((), "no update"),
    ],
)
def test_first_peak_and_last_rate_are_told(values: tuple[float | None, ...], words: str) -> None:
    assert summary_of(values) == words


def test_rates_are_told_apart_by_optimizer_and_not_by_anything_else() -> None:
    assert rates_of(two("a", "b")) == rates_of(two("c", "d")) == (((0.1,),), ((0.2,),))
    assert rates_of(Lost("timed out")) == rates_of(None) == rates_of(trace_of()) == ()


def test_conditions_are_told_as_python_writes_them() -> None:
    plan = (("args.cosine", False), ("args.warm", True), ("done gt 0", False), ("a condition on a loss", False))
    told = conditions(Variant(plan, Lost(""), None))
    assert told == "not `args.cosine` and not `done > 0` and not a condition on a loss"
    assert conditions(Variant((), Lost(""), None)) == ""


def test_how_a_run_ended_is_told_with_its_line() -> None:
    crashed = replace(trace_of((0.1,)), failure=Failure("ValueError", "too small", 2, True))
    variant = Variant((), crashed, replace(trace_of((0.1,)), cut=True))
    schedule = EntrySchedule("fit", SCRIPT, SCRIPT, variants=(variant,))
    assert list(endings(schedule, variant, lambda path: None)) == [
        "as written, the run ends after 1 update at train.py:2: ValueError: too small, "
        "which may be the doing of a stand-in",
        "as fixed, the replay stops after 1 update; the option --updates sets how many",
    ]


@pytest.mark.parametrize(
    ("schedule", "reason"),
    [
        (EntrySchedule("fit", Unsliced("two files define `f`")), "no script could be made: two files define `f`"),
        (
            EntrySchedule("fit", SCRIPT, variants=(Variant((), Lost("timed out after 20 s"), None),)),
            "the replay gave nothing: timed out after 20 s",
        ),
        (EntrySchedule("fit", SCRIPT, variants=(Variant((), trace_of(), None),)), "the replay made no update"),
        (
            EntrySchedule(
                "fit",
                SCRIPT,
                variants=(Variant((), replace(trace_of(), failure=Failure("KeyError", "'lr'", 3, False)), None),),
            ),
            "the replay ended before any update at train.py:3: KeyError: 'lr'",
        ),
    ],
)
def test_why_there_is_no_curve_is_told(schedule: EntrySchedule, reason: str) -> None:
    assert not schedule.makes_updates
    assert nothing(schedule) == reason


def test_what_is_handed_to_code_that_is_not_run_is_found() -> None:
    body = (
        "accelerator = standin.Unknown('Accelerator()')\n"
        "optimizer = accelerator.prepare(model, optimizer)\n"
        "accelerator.log(loss)\n"
        "torch.compile(optimizer)\n"
        "self.trainer = standin.Unknown('trainer')\n"
        "self.trainer.fit(schedule=scheduler)\n"
    )
    found = handed_over(ReplayScript(body, (), ()), trace_of((0.1,)))
    assert found == {"accelerator.prepare": 2, "self.trainer.fit": 6}
