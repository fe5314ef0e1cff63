"""Plans: which opaque conditions are tried both ways, and which exceptions stand-ins are to blame for."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace

import pytest

pytest.importorskip("torch", reason="replays run torch")

from optlint.replay.blame import blamed
from optlint.replay.cases import Case
from optlint.replay.conditions import by_relevance
from optlint.replay.mentions import is_answered
from optlint.replay.pairs import Pair, Unsliced
from optlint.replay.pool import Pool
from optlint.replay.script import Origin, ReplayScript
from optlint.replay.trace import Failure, Trace
from optlint.replay.verdict import FindingVerdict, FixVerdict
from optlint.replay.verify import MOST_COMBINATIONS, Setting, run_all, verdict_of, verify
from replay_running import run
from replayed_cases import once, told, verdict_of_text

HERE = Origin(Path("train.py"), 1)


def script(text: str) -> ReplayScript:
    body = dedent(text).lstrip("\n")
    return ReplayScript(body, tuple(HERE for _ in body.splitlines()), ())


def row_of(made: ReplayScript, text: str) -> int:
    return next(row for row, line in enumerate(made.body.splitlines(), start=1) if text in line)


MANY = """
flag = standin.unknown('flag')
optimizer = standin.optimizer()
for name in ('a', 'b', 'c', 'd', 'e'):
    if flag[name + 'x']:
        pass
if flag.deep:
    if flag.deeper:
        optimizer.step()
"""


def test_conditions_that_a_flagged_row_is_subject_to_come_first(pool: Pool) -> None:
    made = script(MANY)
    [trace] = run_all(pool, [made], Setting(dtype="float64"))[()]
    assert isinstance(trace, Trace)
    assert trace.asked[0] == "flag.ax"
    assert by_relevance([trace], made.body, ())[0] == "flag.ax"
    assert by_relevance([trace], made.body, (row_of(made, "optimizer.step"),))[:2] == ["flag.deep", "flag.deeper"]


@pytest.mark.parametrize(("seconds", "most"), [(0.5, MOST_COMBINATIONS), (10.0, 5), (1000.0, 3)])
def test_what_takes_long_is_tried_in_fewer_combinations(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, seconds: float, most: int
) -> None:
    clock = itertools.count(0.0, seconds)  # it is read before the first run, and after it
    monkeypatch.setattr("optlint.replay.verify.time", SimpleNamespace(monotonic=lambda: next(clock)))
    assert len(run_all(pool, [script(MANY)], Setting(dtype="float64"))) == most


def test_the_conditions_that_decide_about_a_flagged_row_are_tried_both_ways(pool: Pool) -> None:
    made = script(MANY)
    runs = run_all(pool, [made], Setting(dtype="float64"), (row_of(made, "optimizer.step"),))
    assert len(runs) == MOST_COMBINATIONS
    outcomes = {tuple(dict(plan).get(name, True) for name in ("flag.deep", "flag.deeper")) for plan in runs}
    assert outcomes == {(True, True), (True, False), (False, True), (False, False)}


def test_an_option_matters_where_a_flagged_row_is_subject_to_it(pool: Pool) -> None:
    text = """
    def train(optimizer, warm, fp16, limit, last):
        if warm or last:
            pass
        for _ in range(2):
            if fp16:
                if limit is not None:
                    optimizer.step()
    optimizer = standin.optimizer(standin.model())
    warm, last, fp16 = standin.flag('warm', True), standin.flag('last', False), standin.flag('fp16', False)
    train(optimizer, warm, fp16, standin.option('limit'), last)
    """
    made = script(text)
    [trace] = run_all(pool, [made], Setting(dtype="float64"))[()]
    assert isinstance(trace, Trace)
    assert by_relevance([trace], made.body, ()) == ["warm", "last", "fp16", "limit is given"]
    row = row_of(made, "optimizer.step")
    assert by_relevance([trace], made.body, (row,)) == ["fp16", "limit is given", "warm", "last"]


def test_a_condition_that_came_out_false_is_tried_true(pool: Pool) -> None:
    made = script("if standin.unset('args.resume'):\n    pass\n")
    runs = run_all(pool, [made], Setting(dtype="float64"))
    assert list(runs) == [(), (("args.resume is given", True),)]


def test_conditions_that_only_another_outcome_brings_up_are_tried_as_well(pool: Pool) -> None:
    made = script(
        """
        flag = standin.unknown('flag')
        if not flag.outer:
            if flag.inner:
                pass
        """
    )
    runs = run_all(pool, [made], Setting(dtype="float64"))
    assert list(runs) == [(), (("flag.outer", False),), (("flag.outer", False), ("flag.inner", False))]


def test_both_texts_run_in_the_same_plans(pool: Pool) -> None:
    first, second = script("if standin.unknown('a'):\n    pass\n"), script("if standin.unknown('b'):\n    pass\n")
    runs = run_all(pool, [first, second], Setting(dtype="float64"))
    assert [len(outcomes) for outcomes in runs.values()] == [2] * 4
    held = {outcome.held for outcome in [pair[1] for pair in runs.values()] if isinstance(outcome, Trace)}
    assert held == {("b",), ()}


# -- blame ----------------------------------------------------------------------------------------------------------

OWN = "standin.unknown('x')\n"


def is_blamed(kind: str, message: str, row: str = "call(3)", before: str = OWN) -> bool:
    failure = Failure(kind, message, before.count("\n") + 1, False)
    outcome = blamed(Trace((), (), (), failure, False, "cpu", "2"), script(before + row))
    assert isinstance(outcome, Trace)
    assert outcome.failure is not None
    return outcome.failure.in_standin


OPTIMIZER, SCHEDULER = "optimizer = standin.optimizer()\n", "scheduler = standin.scheduler(optimizer)\n"


@pytest.mark.parametrize(
    ("kind", "message", "row", "before"),
    [
        ("ValueError", "Invalid learning rate: 3", "call(3)", OWN),
        ("AssertionError", "embed_dim must be divisible by num_heads", "call(3)", OWN),
        ("ZeroDivisionError", "division by zero", "call(3)", OWN),
        ("TypeError", "'int' object is not callable", "call(3)", OWN),
        ("RuntimeError", "refused", "    raise RuntimeError('refused')", OWN),
        ("TypeError", "issubclass() arg 2 must be a class, a tuple of classes, or a union", "call(3)", OWN),
        ("TypeError", "catching classes that do not inherit from BaseException is not allowed", "call(3)", OWN),
        ("RuntimeError", "Trying to backward through the graph a second time", "loss.backward()", OWN),
        ("RuntimeError", "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x1)", "model(x)", ""),
        ("IndexError", "index out of range in self", "model(x)", ""),
        ("TypeError", "step() got an unexpected keyword argument 'first'", "step(**batch)", OWN),
        ("TypeError", "step() missing 1 required positional argument: 'label'", "step(*batch)", OWN),
        ("TypeError", "zeros() takes 1 positional argument but 2 were given", "torch.zeros(x, 2)", OWN),
        ("AttributeError", "'SGD' object has no attribute 'backward'", "optimizer.backward(loss)", OPTIMIZER),
        ("AttributeError", "'StepLR' object has no attribute 'step_update'", "scheduler.step_update(3)", SCHEDULER),
        (
            "TypeError",
            "LRScheduler.step() takes from 1 to 2 positional arguments but 3 were given",
            "scheduler.step(3, 0.5)",
            SCHEDULER,
        ),
        ("RuntimeError", "CUDA error: out of memory", "call(3)", ""),
        ("AcceleratorError", "gone", "call(3)", ""),
    ],
)
def test_what_a_stand_in_may_have_caused_tells_nothing(kind: str, message: str, row: str, before: str) -> None:
    assert is_blamed(kind, message, row, before)


@pytest.mark.parametrize(
    ("kind", "message", "row", "before"),
    [
        ("TypeError", "StepLR.__init__() got an unexpected keyword argument 'verbose'", "StepLR(o, verbose=True)", OWN),
        (
            "TypeError",
            "StepLR.__init__() got an unexpected keyword argument 'verbose'",
            "        super().__init__(*args, **kwargs)",
            OWN + "Own(optimizer, verbose=True)\n",
        ),
        ("ValueError", "can't optimize a non-leaf Tensor", "SGD([weight])", OWN),
        ("ValueError", "optimizer got an empty parameter list", "SGD([])", OWN),
        ("ValueError", "some parameters appear in more than one parameter group", "SGD(groups)", OWN),
        ("ValueError", "Tried to step 13 times. The specified number of total steps is 12", "scheduler.step()", OWN),
        (
            "KeyError",
            "param 'initial_lr' is not specified in param_groups[0] when resuming an optimizer",
            "call(3)",
            OWN,
        ),
        ("TypeError", "ReduceLROnPlateau.step() missing 1 required positional argument: 'metrics'", "s.step()", OWN),
        ("AttributeError", "'StepLR' object has no attribute 'print_lr'", "scheduler.print_lr()", SCHEDULER),
        ("AttributeError", "'SGD' object has no attribute 'backward'", "optimizer.backward(loss)", SCHEDULER),
        ("ValueError", "Invalid learning rate: -3", "call(3)", ""),
        ("TypeError", "step() got an unexpected keyword argument 'first'", "step(first=3)", OWN),
        ("AssertionError", "No inf checks were recorded for this optimizer.", "scaler.step(optimizer)", OWN),
        ("RuntimeError", "element 0 of tensors does not require grad and does not have a grad_fn", "l.backward()", OWN),
    ],
)
def test_what_torch_says_of_the_code_is_never_blamed_on_a_stand_in(
    kind: str, message: str, row: str, before: str
) -> None:
    assert not is_blamed(kind, message, row, before)


def test_an_exception_in_a_row_of_no_file_tells_nothing() -> None:
    failure = Failure("TypeError", "any", 1, False)
    outcome = blamed(Trace((), (), (), failure, False, "cpu", "2"), ReplayScript("call(3)\n", (None,), ()))
    assert isinstance(outcome, Trace)
    assert outcome.failure is not None
    assert outcome.failure.in_standin


# -- verdicts -------------------------------------------------------------------------------------------------------

VERBOSE = """
import torch
from torch.optim.lr_scheduler import StepLR
{before}
model = {model}
optimizer = {optimizer}
scheduler = StepLR(optimizer, 2, verbose=True{more})
def train(ids, labels):
    pass
for epoch in range(4):
    optimizer.zero_grad()
    model(torch.randn(2, 3)).sum().backward()
    optimizer.step()
    {after}
    scheduler.step()
"""


def verbose(
    before: str = "",
    model: str = "torch.nn.Linear(3, 1)",
    optimizer: str = "torch.optim.SGD(model.parameters(), lr=0.1)",
    more: str = "",
    after: str = "pass",
) -> str:
    return VERBOSE.format(before=before, model=model, optimizer=optimizer, more=more, after=after)


@pytest.mark.parametrize(
    "text",
    [
        verbose("from data import batch", after="optimizer.step(*batch); optimizer.add_param_group(**batch)"),
        verbose("from data import cfg", more=", **cfg.schedule"),
        verbose("from apex import FusedAdam", optimizer="FusedAdam(model.parameters())", after="optimizer.backward(3)"),
        verbose("from data import create_scheduler", after="create_scheduler(optimizer).step_update(3)"),
        verbose("from data import args", model="torch.nn.Linear(args.hidden, 1)"),
        verbose("from data import Base", after="optimizer.step() if issubclass(type(model), Base) else 0"),
    ],
)
def test_what_stand_ins_lack_refutes_no_fix(text: str, tmp_path: Path, pool: Pool) -> None:
    path = tmp_path / "train.py"
    path.write_text(dedent(text), encoding="utf-8")
    [case] = once([path], "OPT418")
    whole = verdict_of(case, case.pair, pool, Setting()).verdict
    assert whole.fix is not FixVerdict.REFUTED, whole.fix_sentence
    assert verdict_of_text(text, "OPT418", tmp_path, pool).finding is FindingVerdict.CONFIRMED


LEAF = """
import torch
def run():
    weights = torch.randn(3, requires_grad=True).to(torch.float16)
    optimizer = torch.optim.SGD([weights], lr=0.1)
    (weights * 2).sum().backward()
    optimizer.step()
"""


def case_of(text: str, code: str, folder: Path) -> Case:
    path = folder / "train.py"
    path.write_text(dedent(text), encoding="utf-8")
    [case] = once([path], code)
    return case


def test_a_place_alone_that_raises_nothing_is_not_called_harmless(tmp_path: Path, pool: Pool) -> None:
    case = case_of(LEAF, "OPT303", tmp_path)
    assert verify(case, pool, Setting()).verdict.finding is FindingVerdict.CONFIRMED
    nothing = Pair(Unsliced("it is too hard"), Unsliced("it is too hard"))
    verdict = verify(replace(case, pair=nothing, among_fixed=None, function=None), pool, Setting()).verdict
    assert verdict.finding is FindingVerdict.INCONCLUSIVE
    assert verdict.fix is FixVerdict.INCONCLUSIVE


def test_a_part_validates_no_fix_that_the_whole_refutes_by_its_numbers(tmp_path: Path, pool: Pool) -> None:
    case = case_of(verbose(), "OPT418", tmp_path)
    assert verify(case, pool, Setting()).verdict.fix is FixVerdict.VALIDATED
    fixed = case.pair.fixed
    assert isinstance(fixed, ReplayScript)
    wrong = replace(fixed, body=fixed.body.replace("StepLR(optimizer, 2)", "StepLR(optimizer, 3)"))
    assert (
        verify(replace(case, pair=replace(case.pair, fixed=wrong)), pool, Setting()).verdict.fix is FixVerdict.REFUTED
    )


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("scheduler, lr_scheduler.LRScheduler", True),
        ("scheduler, lr_scheduler._LRScheduler", False),
        ("scheduler, lr_scheduler.StepLR", False),
        ("scheduler, int", False),
        ("model, lr_scheduler.LRScheduler", False),
    ],
)
def test_a_question_is_mended_by_one_about_the_same_class(question: str, expected: bool) -> None:
    body = """
    model = small()
    scheduler = lr_scheduler.StepLR(optim.SGD(model.parameters(), lr=0.1), 2)
    standin.is_instance({question})
    """
    original = run(body.format(question="scheduler, lr_scheduler._LRScheduler"))
    assert is_answered(original, run(body.format(question=question)), (4,), (4,)) is expected


def test_names_and_questions_alone_are_told_of(tmp_path: Path, pool: Pool) -> None:
    text = """
    from torch.optim.lr_scheduler import _LRScheduler
    def go(scheduler{annotation}):
        {body}
    """
    asked = text.format(annotation="", body="return isinstance(scheduler, _LRScheduler)")
    named = text.format(annotation=": _LRScheduler", body="pass")
    assert told(verdict_of_text(asked, "OPT418", tmp_path, pool)) == ["confirmed", "validated"]
    assert told(verdict_of_text(named, "OPT418", tmp_path, pool)) == ["not reproduced", "validated"]


def test_a_question_about_what_is_no_scheduler_shows_nothing(tmp_path: Path, pool: Pool) -> None:
    text = """
    import torch
    from torch.optim.lr_scheduler import _LRScheduler
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(3):
        optimizer.zero_grad()
        model(torch.ones(2)).sum().backward()
        optimizer.step()
        if isinstance(optimizer, _LRScheduler):
            optimizer.step()
    """
    assert told(verdict_of_text(text, "OPT418", tmp_path, pool)) == ["inconclusive", "inconclusive"]


def test_what_a_module_is_not_known_to_hold_may_be_a_scheduler(tmp_path: Path, pool: Pool) -> None:
    text = """
    import torch
    from torch.optim.lr_scheduler import _LRScheduler
    class Engine(torch.nn.Module):
        def check(self):
            if isinstance(self.client_scheduler, _LRScheduler):
                raise RuntimeError("not with this one")
    """
    assert told(verdict_of_text(text, "OPT418", tmp_path, pool)) == ["confirmed", "validated"]


OPTIONAL = """
import torch

class Trainer:
    def __init__(self, model, lr=0.1, fp16=False, *, mode="plain"):
        self.model = model
        self.fp16 = fp16
        self.mode = mode
        self.optimizer = torch.optim.SGD(model.parameters(), lr=lr)
        self.scaler = torch.amp.GradScaler("cuda")

    def train(self, batches, limit=None):
        for x in batches:
            self.optimizer.zero_grad()
            loss = self.model(x)
            if {test}:
                self.scaler.scale(loss).backward()
                torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
                self.scaler.step(self.optimizer)
                self.scaler.update()
            else:
                loss.backward()
                self.optimizer.step()
"""


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("self.fp16", ["confirmed", "validated"]),
        ("limit is not None", ["confirmed", "validated"]),
        ("self.mode == 'mixed'", ["inconclusive", "inconclusive"]),
    ],
)
def test_a_fault_that_an_option_brings_is_no_harmless_one(
    test: str, expected: list[str], tmp_path: Path, pool: Pool
) -> None:
    assert told(verdict_of_text(OPTIONAL.format(test=test), "OPT502", tmp_path, pool)) == expected


def test_conditions_are_named_without_addresses(pool: Pool) -> None:
    made = script("""
    model = standin.model()
    known = standin.unknown('known')
    if id(model) in known or known == model:
        pass
    """)
    [trace] = run_all(pool, [made], Setting(dtype="float64"))[()]
    assert isinstance(trace, Trace)
    assert trace.asked == ("it in known",)
    assert not any("0x" in condition for condition in trace.asked)


def test_no_update_is_no_proof_of_harmlessness(tmp_path: Path, pool: Pool) -> None:
    text = """
    import torch
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.Adagrad(model.parameters())
    model.cuda()
    """
    assert told(verdict_of_text(text, "OPT301", tmp_path, pool))[0] == "inconclusive"
