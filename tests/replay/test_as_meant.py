"""The code as written, run as it is meant: what torch refuses is done, and the fixed code has to do the same."""

from __future__ import annotations

from importlib import import_module

import pytest

pytest.importorskip("torch", reason="replays run torch")

from optlint.program.events import Act
from optlint.replay.as_meant import called, is_wanted
from optlint.replay.judgement import judge
from optlint.replay.nesting import loops_kept
from optlint.replay.trace import Trace
from optlint.replay.verdict import FixVerdict, Flag, Reason, Verdict
from optlint.rule import Rule
from replay_running import flag_of, run


def rule_of(path: str) -> Rule:
    rule: Rule = import_module(f"optlint_rules.{path}").RULE
    return rule


def verdict_of(rule: str, bad: str, fixed: str, *, word: str = "") -> Verdict:
    flag = flag_of(bad, fixed, word)
    meant = run(called(bad.replace("  # flag", ""), flag.rows, word) if word else bad, as_meant=True)
    return judge(rule_of(rule), [run(bad)], [run(fixed)], flag, meant=[meant])


def check(verdict: Verdict, said: str) -> None:
    assert verdict.fix is (FixVerdict.REFUTED if said else FixVerdict.VALIDATED), verdict.fix_sentence
    assert said in verdict.fix_sentence, verdict.fix_sentence


BUILT = """
model = small()
optimizer = {optimizer}  # flag
for batch in range(4):
    optimizer.zero_grad()
    loss(model).backward()
    optimizer.step()
"""


@pytest.mark.parametrize(
    ("optimizer", "said"),
    [
        ("optim.Adam(model.parameters(), lr=0.1)", ""),
        ("optim.Adam([{'params': model[1].parameters()}, {'params': model[0].parameters()}], lr=0.1)", ""),
        ("optim.SGD(model.parameters(), lr=0.1)", "is of the class `SGD` after the fix"),
        ("optim.Adam(model.parameters(), lr=0.2)", "is made with"),
        ("optim.Adam(model.parameters(), lr=0.1, weight_decay=0.1)", "is made with"),
        ("optim.Adam([{'params': model.parameters(), 'weight_decay': 0.1}], lr=0.1)", "has weight_decay=0.1"),
        ("optim.Adam(model[0].parameters(), lr=0.1)", "no update moves `model.1.bias`"),
        ("optim.Adam(small().parameters(), lr=0.1)", "no update moves `model.0.bias`"),
        ("optim.Adam([p.detach().clone() for p in model.parameters()], lr=0.1)", "no update moves"),
    ],
)
@pytest.mark.parametrize(
    "given", ["model", "model.parameters", "(model[0].parameters(), model[1].parameters())", "[*model]"]
)
def test_parameters_are_meant(given: str, optimizer: str, said: str) -> None:
    bad = BUILT.format(optimizer=f"optim.Adam({given}, lr=0.1)")
    fixed = BUILT.format(optimizer=optimizer)
    check(verdict_of("parameters.model_instead_of_parameters", bad, fixed), said)


TENSOR = """
start = torch.linspace(-1.0, 2.0, 3)
{first}
weights = {weights}  # flag
optimizer = optim.SGD([{given}], lr=0.1)
for batch in range(4):
    optimizer.zero_grad()
    (weights.double() - 1.0).square().sum().backward(retain_graph=True)
    optimizer.step()
"""


def tensor(weights: str, given: str = "weights", first: str = "") -> str:
    return TENSOR.format(weights=weights, given=given, first=first)


@pytest.mark.parametrize(
    ("fixed", "said"),
    [
        (tensor("start.clone().double().requires_grad_()"), ""),
        (tensor("start.double().clone().requires_grad_()"), ""),
        (tensor("torch.zeros(3, requires_grad=True)"), "begins as another one than as written"),
        (tensor("start[:2].clone().requires_grad_()"), "begins as another one than as written"),
        (tensor("start.clone()[:].requires_grad_() * 1.0", "weights.detach().requires_grad_()"), "no update moves"),
        (tensor("leaf * 2.0", "leaf", "leaf = (start / 2.0).requires_grad_()"), "`leaf` is moved, and is not"),
        (tensor("start.clone().double().requires_grad_()").replace("weights", "image"), ""),
    ],
)
def test_a_leaf_is_meant(fixed: str, said: str) -> None:
    bad = tensor("start.clone().requires_grad_().float().double()")
    check(verdict_of("device.non_leaf_parameter", bad, fixed), said)


def test_a_leaf_that_the_loss_no_longer_follows_leads_elsewhere() -> None:
    bad = tensor("start.clone().requires_grad_().float().double()")
    fixed = tensor("start.clone().requires_grad_()").replace(
        "for batch", "leaf, weights = weights, weights * 1.0\nfor batch"
    )
    check(verdict_of("device.non_leaf_parameter", bad, fixed), "than where is meant")


SHARED = """
model = small()
parameters = {parameters}
first = optim.SGD(parameters, lr=0.1)
second = optim.Adam({second}, lr=0.1)  # flag
for batch in range(6):
    optimizer = first if batch < 3 else second
    optimizer.zero_grad()
    loss(model).backward()
    {clip}
    optimizer.step()
"""


def shared(parameters: str = "model.parameters()", second: str = "parameters", clip: str = "pass") -> str:
    return SHARED.format(parameters=parameters, second=second, clip=clip)


@pytest.mark.parametrize(
    ("fixed", "said"),
    [
        (shared("list(model.parameters())"), ""),
        (shared(second="model.parameters()"), ""),
        (shared(second="model[0].parameters()"), "than where is meant"),
        (shared().replace("optim.Adam(parameters, lr=0.1)", "first"), "is meant"),
    ],
)
def test_the_same_parameters_again_are_meant(fixed: str, said: str) -> None:
    check(verdict_of("parameters.parameters_iterator_exhausted", shared(), fixed), said)


CLIPPED = """
model = small()
parameters = {parameters}
optimizer = optim.SGD({given}, lr=0.1)  # flag
for batch in range(4):
    optimizer.zero_grad()
    loss(model).backward()
    {clip}
    optimizer.step()
"""


def clipped(
    parameters: str = "model.parameters()",
    given: str = "parameters",
    clip: str = "clip.clip_grad_norm_(parameters, 0.01)  # flag",
) -> str:
    return CLIPPED.format(parameters=parameters, given=given, clip=clip)


@pytest.mark.parametrize(
    ("fixed", "said"),
    [
        (clipped("list(model.parameters())"), ""),
        (clipped(clip="clip.clip_grad_norm_(model.parameters(), 0.01)"), ""),
        (clipped(clip="clip.clip_grad_norm_(model[0].parameters(), 0.01)"), "is of 2 parameters, and of 4"),
        (clipped(clip="clip.clip_grad_norm_(model.parameters(), 10.0)"), "is `clip clip_grad_norm_ 10, 2`"),
        (clipped(clip="pass"), "no longer happens"),
        (clipped("[]", "model.parameters()"), "is of 0 parameters, and of 4"),
    ],
)
def test_a_clipping_of_the_same_parameters_is_meant(fixed: str, said: str) -> None:
    check(verdict_of("parameters.parameters_iterator_exhausted", clipped(), fixed), said)


def test_what_an_iterator_gave_unseen_is_not_guessed() -> None:
    bad = clipped("(p for p in model.parameters())").replace(
        "optimizer = optim.SGD(parameters", "for p in parameters: pass\noptimizer = optim.SGD(parameters"
    )
    assert run(bad, as_meant=True).failure is not None


VERBOSE = """
model = small()
optimizer = optim.SGD(model.parameters(), lr=0.1)
scheduler = {scheduler}  # flag
for epoch in range(6):
    optimizer.zero_grad()
    loss(model).backward()
    optimizer.step()
    {step}
"""


def verbose(scheduler: str, step: str = "scheduler.step()") -> str:
    return VERBOSE.format(scheduler=f"lr_scheduler.{scheduler}", step=step)


@pytest.mark.parametrize(
    ("fixed", "said"),
    [
        (verbose("StepLR(optimizer, 2, 0.5)"), ""),
        (verbose("StepLR(optimizer, 3, 0.5)"), "is made with"),
        (verbose("StepLR(optimizer, 2)"), "is made with"),
        (verbose("ExponentialLR(optimizer, 0.5)"), "is of the class `ExponentialLR` after the fix"),
        (verbose("StepLR(optimizer, 2, 0.5)", "pass"), "is meant"),
        (verbose("StepLR(optimizer, 2, 0.5)", "scheduler.step(); scheduler.step()"), "where one of `optimizer`"),
        (
            verbose("StepLR(optimizer, 2, 0.5)", "scheduler.step(); optimizer.param_groups[0]['lr'] *= 0.9"),
            "uses the rate",
        ),
    ],
)
@pytest.mark.parametrize("bad", ["StepLR(optimizer, 2, 0.5, verbose=True)", "StepLR(optimizer, 2, 0.5, -1, True)"])
def test_a_scheduler_without_verbose_is_meant(bad: str, fixed: str, said: str) -> None:
    check(verdict_of("schedulers.removed_scheduler_api", verbose(bad), fixed), said)


def test_a_base_class_without_verbose_is_meant() -> None:
    body = """
class Halving(lr_scheduler.LRScheduler):
    def __init__(self, optimizer, verbose=False):
        {init}  # flag

    def get_lr(self):
        return [rate * 0.5**self.last_epoch for rate in self.base_lrs]


model = small()
optimizer = optim.SGD(model.parameters(), lr=0.1)
scheduler = Halving(optimizer, verbose=True)
for epoch in range(4):
    optimizer.zero_grad()
    loss(model).backward()
    optimizer.step()
    scheduler.step()
"""
    bad = body.format(init="super().__init__(optimizer, -1, verbose=verbose)")
    rule = "schedulers.removed_scheduler_api"
    check(verdict_of(rule, bad, body.format(init="super().__init__(optimizer, -1)")), "")
    later = body.format(init="super().__init__(optimizer, -1); self.base_lrs = [0.2]")
    check(verdict_of(rule, bad, later), "is made with")


def test_print_lr_is_meant_to_do_nothing() -> None:
    bad = verbose("StepLR(optimizer, 2, 0.5)", "scheduler.step(); scheduler.print_lr(True, 0, 0.1)")
    rule = "schedulers.removed_scheduler_api"
    check(verdict_of(rule, bad, verbose("StepLR(optimizer, 2, 0.5)")), "")
    check(verdict_of(rule, bad, verbose("StepLR(optimizer, 2, 0.5)", "scheduler.step(); scheduler.step()")), "is meant")


def test_matrices_are_meant_where_vectors_are_frozen() -> None:
    freeze = "model[0].bias.requires_grad = model[1].bias.requires_grad = False\noptimizer ="
    bad = BUILT.format(optimizer="optim.Muon(model.parameters(), lr=0.1)").replace("optimizer =", freeze, 1)
    rule = "parameters.frozen_parameters_not_filtered"
    right = bad.replace("model.parameters()", "[p for p in model.parameters() if p.requires_grad]")
    check(verdict_of(rule, bad, right), "")
    check(verdict_of(rule, bad, bad.replace("model.parameters()", "[model[0].weight]")), "no update moves")


NAMED = """
model = small()
optimizer = {optimizer}
{scheduler}
for epoch in range(4):
    for batch in range(2):
        {batch}
    {end}
"""


def named(batch: str, end: str = "", optimizer: str = "SGD", scheduler: str = "") -> str:
    return NAMED.format(
        optimizer=f"optim.{optimizer}(model.parameters(), lr=0.1)", scheduler=scheduler, batch=batch, end=end
    )


UPDATE = "optimizer.zero_grad(); loss(model).backward(); optimizer.step()"


@pytest.mark.parametrize(
    ("fixed", "said"),
    [
        (named("optimizer.zero_grad(); loss(model).backward(); optimizer.step()"), ""),
        (named("loss(model).backward(); optimizer.step(); optimizer.zero_grad()"), ""),
        (named("optimizer.zero_grad(); loss(model).backward()", "optimizer.step()"), "4 steps are made"),
        (named(f"{UPDATE}; optimizer.step()"), "16 steps are made"),
        (named("optimizer.zero_grad(); optimizer.step(); loss(model).backward()"), "no update moves"),
        (named(f"{UPDATE} if batch else None"), "4 steps are made"),
        (named("loss(model).backward(); optimizer.step()"), "does not use the gradient that is due"),
    ],
)
def test_the_call_of_what_is_named_is_meant(fixed: str, said: str) -> None:
    bad = named("optimizer.zero_grad()\n        loss(model).backward()\n        optimizer.step  # flag")
    check(verdict_of("order.call_without_parentheses", bad, fixed, word="step"), said)


CLOSURE = """
        def closure():
            {clear}
            value = loss(model)
            {backward}
            return value
        optimizer.step({given})
"""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"clear": "optimizer.zero_grad()", "backward": "value.backward()", "given": "closure"}, ""),
        ({"clear": "pass", "backward": "pass", "given": "closure"}, "a closure that computes no gradient"),
        ({"clear": "pass", "backward": "value.backward()", "given": "closure"}, "does not use the gradient"),
    ],
)
def test_a_closure_is_meant(given: dict[str, str], said: str) -> None:
    bad = named("optimizer.zero_grad()\n        loss(model).backward()\n        optimizer.step  # flag", "", "LBFGS")
    fixed = named(CLOSURE.format(**given).strip("\n").lstrip(), "", "LBFGS")
    check(verdict_of("order.call_without_parentheses", bad, fixed, word="step"), said)


PLATEAU = "scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)"


@pytest.mark.parametrize(
    ("fixed", "said"),
    [
        (named(UPDATE, "scheduler.step(float(loss(model)))", scheduler=PLATEAU), ""),
        (named(f"{UPDATE}; scheduler.step(float(loss(model)))", scheduler=PLATEAU), "where one of `optimizer`"),
        (named(UPDATE, "scheduler.step(epoch)", scheduler=PLATEAU), "is given the number of the step for its metric"),
        (named(UPDATE, "scheduler.step(epoch + 1)", scheduler=PLATEAU), "is given the number of the step"),
        (named(UPDATE, "scheduler.step(len(range(3)))", scheduler=PLATEAU), ""),
    ],
)
def test_a_metric_is_meant(fixed: str, said: str) -> None:
    bad = named(UPDATE, "scheduler.step  # flag", scheduler=PLATEAU)
    check(verdict_of("order.call_without_parentheses", bad, fixed, word="step"), said)


def test_where_it_is_not_known_what_is_meant_nothing_is_said_of_a_call() -> None:
    bad = named("optimizer.zero_grad()\n        loss(model).backward()\n        optimizer.step  # flag")
    fixed = named(UPDATE)
    lost = run("raise ValueError('no')")
    verdict = judge(
        rule_of("order.call_without_parentheses"), [run(bad)], [run(fixed)], Flag((9,), (7,), "step"), meant=[lost]
    )
    assert (verdict.fix, verdict.fix_reason) == (FixVerdict.INCONCLUSIVE, Reason.NOT_EXERCISED)


def test_only_flagged_names_are_called() -> None:
    assert called("a.step\nb.step\nc.step()\nd.steps", (1, 3, 4), "step") == "a.step()\nb.step\nc.step()\nd.steps"


def test_a_step_that_lacks_its_argument_is_noted() -> None:
    body = """
model = small()
optimizer = optim.LBFGS(model.parameters())
scheduler = lr_scheduler.ReduceLROnPlateau(optimizer)
optimizer.step()
scheduler.step()
"""
    trace = run(body, as_meant=True)
    assert trace.failure is None
    noted = [(each.act, each.detail) for each in trace.happenings if each.act is not Act.NEW]
    assert noted == [(Act.STEP, "meant"), (Act.SCHEDULE, "meant")]


def test_what_runs_as_it_stands_is_left_alone() -> None:
    for body in (BUILT.format(optimizer="optim.Adam(model.parameters(), lr=0.1)"), verbose("StepLR(optimizer, 2)")):
        assert run(body, as_meant=True) == run(body)


def test_torch_is_as_before_afterwards() -> None:
    run("raise ValueError('no')", as_meant=True)
    for body in (BUILT.format(optimizer="optim.Adam(model, lr=0.1)"), verbose("StepLR(optimizer, 2, verbose=True)")):
        assert run(body).failure is not None


def test_a_run_as_meant_is_wanted_where_the_code_ends_or_is_refused() -> None:
    good: Trace = run(BUILT.format(optimizer="optim.Adam(model.parameters(), lr=0.1)"))
    bad = run(BUILT.format(optimizer="optim.Adam(model, lr=0.1)"))
    assert not is_wanted(rule_of("order.zero_grad_missing"), good)
    assert is_wanted(rule_of("order.zero_grad_missing"), bad)
    assert is_wanted(rule_of("device.non_leaf_parameter"), good)
    assert is_wanted(rule_of("parameters.parameters_iterator_exhausted"), good)


LOOPS = "for a in b:\n    x()\n    while c:\n        y()\nz()"


@pytest.mark.parametrize(
    ("rows", "fixed_rows", "kept"), [((2,), (2,), True), ((2,), (4,), False), ((2,), (5,), False), ((2,), (), True)]
)
def test_loops_around_rows_are_compared(rows: tuple[int, ...], fixed_rows: tuple[int, ...], kept: bool) -> None:
    assert loops_kept(LOOPS, rows, LOOPS, fixed_rows) is kept
