from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass, field, replace
from importlib import import_module

import pytest

pytest.importorskip("torch", reason="replays run torch")

from fixture_cases import FIXTURES, cases
from optlint.catalog import load_catalog
from optlint.replay.judgement import judge, reproducible
from optlint.replay.trace import Failure
from optlint.replay.verdict import FindingVerdict, FixVerdict, Reason, Verdict
from optlint.replay.wire import Lost
from optlint.rule import Evidence, Rule
from replay_running import flag_of, run

CONFIRMED, NOT_REPRODUCED = FindingVerdict.CONFIRMED, FindingVerdict.NOT_REPRODUCED
VALIDATED, REFUTED = FixVerdict.VALIDATED, FixVerdict.REFUTED


@dataclass(frozen=True)
class Case:
    """A fault, its right fix and wrong ones; `# flag` stands in the rows that the finding is about."""

    rule: str
    bad: str
    good: str
    wrong: dict[str, str] = field(default_factory=dict)
    word: str = ""
    harmless: bool = False
    """Whether the fault does no harm on this torch."""
    reason: Reason | None = None
    """Why the finding is inconclusive."""


def rule_of(path: str) -> Rule:
    rule: Rule = import_module(f"optlint_rules.{path}").RULE
    return rule


START = """
model = small()
optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
"""
STEP_LR = START + "scheduler = lr_scheduler.StepLR(optimizer, 2, 0.1)\n"
UPDATE = """
        optimizer.zero_grad()
        loss(model).backward()
        optimizer.step()
"""

SCHEDULED = (
    STEP_LR
    + """
for epoch in range(6):
    {top}
    for batch in range(3):
        optimizer.zero_grad()
        loss(model).backward()
        {before}
        optimizer.step()
        {inner}
    {end}
{last}
"""
)


def scheduled(**parts: str) -> str:
    return SCHEDULED.format(**{"top": "", "before": "", "inner": "", "end": "", "last": "", **parts})


ONE_CYCLE = scheduled(inner="scheduler.step()", end="{end}").replace(
    "StepLR(optimizer, 2, 0.1)", "OneCycleLR(optimizer, 0.4, total_steps=18)"
)
TRAINING = (
    START
    + """
for batch in range(5):
    {first}
    value = loss(model)
    {second}
    value.backward()
    {third}
    optimizer.step()
    {fourth}
"""
)


def training(first: str = "", second: str = "", third: str = "", fourth: str = "") -> str:
    return TRAINING.format(first=first, second=second, third=third, fourth=fourth)


ACCUMULATION = (
    START
    + """
for batch in range(12):
    {first}
    loss(model).backward()  # flag
    if (batch + 1) % 4 == 0:
        optimizer.step()  # flag
        {last}
"""
)
GAN = """
net_g, net_d = nn.Linear(3, 3), nn.Linear(3, 1)
optimizer_g = optim.Adam(net_g.parameters(), lr=0.01)
optimizer_d = optim.Adam(net_d.parameters(), lr=0.01)
for batch in range(4):
    {d}
    loss(net_d).backward()  # flag
    optimizer_d.step()  # flag
    {g}
    loss(net_g, net_d).backward()
    optimizer_g.step()
"""
FREEZING = """
model = small()
{freeze}
optimizer = optim.SGD({given}, lr=0.1, momentum=0.9)  # flag
for batch in range(4):
    optimizer.zero_grad()
    loss(model).backward()
    optimizer.step()
"""


def freezing(freeze: str, given: str = "model.parameters()") -> str:
    return FREEZING.format(freeze=freeze, given=given)


FROZEN = "for p in model[0].parameters(): p.requires_grad = False"
MISSPELT = "for p in model[0].parameters(): p.require_grad = False  # flag"
LATER = """
model = small()
optimizer = optim.SGD(model.parameters(), lr=0.1, momentum={momentum})
for epoch in range(4):
    if epoch == 2:
        for p in model[0].parameters():
            p.requires_grad = False  # flag
            {drop}
    for batch in range(2):
        optimizer.zero_grad(set_to_none={none})
        loss(model).backward()
        optimizer.step()  # flag
"""
UNFREEZING = """
model = small()
model[0].requires_grad_(False)
optimizer = optim.SGD(filter(lambda p: p.requires_grad, model.parameters()), lr=0.1)
{early}
for epoch in range(4):
    if epoch == 2:
        {unfreeze}
        {add}
    for batch in range(2):
        optimizer.zero_grad()
        loss(model).backward()
        optimizer.step()  # flag
"""


def unfreezing(unfreeze: str = "model[0].requires_grad_(True)  # flag", add: str = "", early: str = "") -> str:
    return UNFREEZING.format(unfreeze=unfreeze, add=add, early=early)


REPLACED = """
model = small()
{before}
model[1] = nn.Linear(2, 1)  # flag
{after}
for batch in range(4):
    optimizer.zero_grad()
    loss(model).backward()
    optimizer.step()  # flag
"""
LOADED = "model.load_state_dict(small().state_dict(), assign=True)"
CLIPPED = """
model = small()
parameters = {parameters}
optimizer = optim.SGD({given}, lr=0.1)  # flag
for batch in range(4):
    optimizer.zero_grad()
    loss(model).backward()
    clip.clip_grad_norm_({clipped}, 0.01)  # flag
    optimizer.step()
"""
BUILT = """
model = small()
optimizer = optim.SGD({given}, lr=0.1)  # flag
for batch in range(4):
    optimizer.zero_grad()
    loss(model).backward()
    optimizer.step()
"""
MOVED = """
model = {model}
{before}
model.to({to})  # flag
{after}
for batch in range(4):
    optimizer.zero_grad()
    loss(model).backward()
    optimizer.step()
"""
TENSOR = """
weights = {weights}  # flag
optimizer = optim.SGD([weights], lr=0.1)
for batch in range(4):
    optimizer.zero_grad()
    (weights.double() - 1.0).square().sum().backward()
    optimizer.step()
"""
REPORTED = (
    START
    + """
scheduler = lr_scheduler.{scheduler}
for epoch in range(4):
    {early}
    optimizer.zero_grad()
    loss(model).backward()
    optimizer.step()
    print_ = {asked}  # flag
    {late}
"""
)


def reported(asked: str, scheduler: str = "ExponentialLR(optimizer, 0.5)", **parts: str) -> str:
    return REPORTED.format(asked=asked, scheduler=scheduler, **{"early": "", "late": "scheduler.step()", **parts})


VERBOSE = """
model = small()
optimizer = optim.SGD(model.parameters(), lr=0.1)
scheduler = lr_scheduler.StepLR(optimizer, 2{verbose})  # flag
for epoch in range(6):
    optimizer.zero_grad()
    loss(model).backward()
    optimizer.step()
    scheduler.step()
"""

CASES = {
    "101, per epoch": Case(
        "order.scheduler_step_before_optimizer_step",
        scheduled(top="scheduler.step()  # flag"),
        scheduled(end="scheduler.step()  # flag"),
        {
            "into the batch loop": scheduled(inner="scheduler.step()"),
            "before the update in the batch loop": scheduled(before="scheduler.step()"),
            "after the loop": scheduled(last="scheduler.step()"),
            "deleted": scheduled(),
            "a rate of its own": scheduled(end="scheduler.step(); optimizer.param_groups[0]['lr'] *= 2"),
        },
    ),
    "101, per batch": Case(
        "order.scheduler_step_before_optimizer_step",
        scheduled(before="scheduler.step()  # flag").replace("2, 0.1", "5, 0.1"),
        scheduled(inner="scheduler.step()").replace("2, 0.1", "5, 0.1"),
        {"to the end of the wrong loop": scheduled(end="scheduler.step()").replace("2, 0.1", "5, 0.1")},
    ),
    "102, in one block": Case(
        "order.scheduler_stepped_twice",
        scheduled(end="scheduler.step()  # flag\n    scheduler.step()  # flag"),
        scheduled(end="scheduler.step()"),
        {"both deleted": scheduled(), "moved up": scheduled(top="scheduler.step()", end="scheduler.step()")},
    ),
    "102, of a schedule in batches": Case(
        "order.scheduler_stepped_twice",
        ONE_CYCLE.format(end="scheduler.step()  # flag"),
        ONE_CYCLE.format(end=""),
        {"the other one deleted": ONE_CYCLE.replace("\n        scheduler.step()", "").format(end="scheduler.step()")},
    ),
    "102, of a schedule in epochs": Case(
        "order.scheduler_stepped_twice",
        scheduled(inner="scheduler.step()  # flag", end="scheduler.step()  # flag"),
        scheduled(end="scheduler.step()"),
        {"the other one deleted": scheduled(inner="scheduler.step()")},
    ),
    "102, a plateau": Case(
        "order.scheduler_stepped_twice",
        scheduled(end="scheduler.step(epoch)  # flag\n    scheduler.step(epoch)  # flag").replace(
            "StepLR(optimizer, 2, 0.1)", "ReduceLROnPlateau(optimizer, patience=1)"
        ),
        scheduled(end="scheduler.step(epoch)").replace(
            "StepLR(optimizer, 2, 0.1)", "ReduceLROnPlateau(optimizer, patience=1)"
        ),
    ),
    "103": Case(
        "order.zero_grad_missing",
        training().replace("value.backward()", "value.backward()  # flag"),
        training(first="optimizer.zero_grad()"),
        {
            "between backward and step": training(third="optimizer.zero_grad()"),
            "before the loop": training().replace("for batch", "optimizer.zero_grad()\nfor batch"),
            "now and then": training(first="if batch % 2 == 0: optimizer.zero_grad()"),
            "of one layer": training(first="model[0].zero_grad()"),
            "and no step": training(first="optimizer.zero_grad()").replace("optimizer.step()", "pass"),
            "another optimizer": training(first="optimizer.zero_grad()").replace("optim.SGD", "optim.RMSprop"),
        },
    ),
    "103, accumulation": Case(
        "order.zero_grad_missing",
        ACCUMULATION.format(first="", last=""),
        ACCUMULATION.format(first="", last="optimizer.zero_grad()"),
        {"in every micro-batch": ACCUMULATION.format(first="optimizer.zero_grad()", last="")},
    ),
    "103, in a GAN": Case(
        "order.zero_grad_missing",
        GAN.format(d="", g="optimizer_g.zero_grad()"),
        GAN.format(d="optimizer_d.zero_grad()", g="optimizer_g.zero_grad()"),
        {
            "of the wrong optimizer": GAN.format(d="optimizer_g.zero_grad()", g="optimizer_g.zero_grad()"),
            "too early": GAN.format(d="", g="optimizer_g.zero_grad(); optimizer_d.zero_grad()"),
        },
    ),
    "104": Case(
        "order.zero_grad_before_step",
        training(third="optimizer.zero_grad()  # flag"),
        training(first="optimizer.zero_grad()"),
        {
            "deleted": training(),
            "to zeros": training(third="optimizer.zero_grad(set_to_none=False)"),
            "by hand": training(third="for p in model.parameters(): p.grad = None", first="optimizer.zero_grad()"),
        },
    ),
    "104, to zeros": Case(
        "order.zero_grad_before_step",
        training(third="optimizer.zero_grad(set_to_none=False)  # flag"),
        training(second="optimizer.zero_grad(set_to_none=False)"),
    ),
    "107, the step": Case(
        "order.call_without_parentheses",
        training(first="optimizer.zero_grad()").replace("optimizer.step()", "optimizer.step  # flag"),
        training(first="optimizer.zero_grad()").replace("optimizer.step()", "optimizer.step()  # flag"),
        {
            "another call": training(first="optimizer.zero_grad()").replace(
                "optimizer.step()", "optimizer.zero_grad()  # flag"
            )
        },
        word="step",
    ),
    "107, zero_grad": Case(
        "order.call_without_parentheses",
        training(first="optimizer.zero_grad  # flag"),
        training(first="optimizer.zero_grad()  # flag"),
        {"after the backward": training(third="optimizer.zero_grad()")},
        word="zero_grad",
    ),
    "107, the backward": Case(
        "order.call_without_parentheses",
        training(first="optimizer.zero_grad()").replace("value.backward()", "value.backward  # flag"),
        training(first="optimizer.zero_grad()").replace("value.backward()", "value.backward()  # flag"),
        {"twice": training("optimizer.zero_grad()").replace("value.backward()", "pass  # flag\n    value.backward()")},
        word="backward",
    ),
    "107, the scheduler": Case(
        "order.call_without_parentheses",
        scheduled(end="scheduler.step  # flag"),
        scheduled(end="scheduler.step()  # flag"),
        {"in the batch loop": scheduled(inner="scheduler.step()", end="pass  # flag")},
        word="step",
    ),
    "107, the scaler": Case(
        "order.call_without_parentheses",
        training("optimizer.zero_grad()", fourth="scaler.update  # flag")
        .replace("value.backward()", "scaler.scale(value).backward()")
        .replace("optimizer.step()", "scaler.step(optimizer)")
        .replace("for batch", "scaler = torch.amp.GradScaler('cpu', init_scale=64.0)\nfor batch"),
        training("optimizer.zero_grad()", fourth="scaler.update()  # flag")
        .replace("value.backward()", "scaler.scale(value).backward()")
        .replace("optimizer.step()", "scaler.step(optimizer)")
        .replace("for batch", "scaler = torch.amp.GradScaler('cpu', init_scale=64.0)\nfor batch"),
        word="update",
    ),
    "201": Case(
        "parameters.frozen_parameters_not_filtered",
        freezing(FROZEN),
        freezing(FROZEN, "filter(lambda p: p.requires_grad, model.parameters())"),
        {
            "the wrong half": freezing(FROZEN, "[p for p in model.parameters() if not p.requires_grad]"),
            "a part": freezing(FROZEN, "[model[1].weight]"),
            "another rate": freezing(FROZEN, "model[1].parameters()").replace("lr=0.1", "lr=0.2"),
        },
        harmless=True,
    ),
    "201, which raises": Case(
        "parameters.frozen_parameters_not_filtered",
        freezing("model[0].bias.requires_grad = model[1].bias.requires_grad = False").replace("SGD", "Muon"),
        freezing(
            "model[0].bias.requires_grad = model[1].bias.requires_grad = False",
            "filter(lambda p: p.requires_grad, model.parameters())",
        ).replace("SGD", "Muon"),
    ),
    "202": Case(
        "parameters.parameters_frozen_after_optimizer",
        LATER.format(momentum=0.9, drop="", none=False),
        LATER.format(momentum=0.9, drop="p.grad = None", none=False),
        {
            "zeros": LATER.format(momentum=0.9, drop="p.grad.zero_()", none=False),
            "of one parameter": LATER.format(momentum=0.9, drop="model[0].bias.grad = None", none=False),
            "no freezing": LATER.format(momentum=0.9, drop="p.requires_grad = True", none=False),
        },
    ),
    "202, without momentum": Case(
        "parameters.parameters_frozen_after_optimizer",
        LATER.format(momentum=0.0, drop="", none=False),
        LATER.format(momentum=0.0, drop="p.grad = None", none=False),
        harmless=True,
    ),
    "203": Case(
        "parameters.unfrozen_parameters_not_in_optimizer",
        unfreezing(),
        unfreezing(add="optimizer.add_param_group({'params': model[0].parameters()})"),
        {
            "the wrong half": unfreezing(add="optimizer.add_param_group({'params': [model[0].bias]})"),
            "nothing": unfreezing(add="optimizer.add_param_group({'params': []})"),
            "not unfrozen": unfreezing(unfreeze="pass", add=""),
            "from the start": unfreezing(
                unfreeze="pass",
                early="model[0].requires_grad_(True); optimizer.add_param_group({'params': model[0].parameters()})",
            ),
        },
    ),
    "204": Case(
        "parameters.misspelt_requires_grad",
        freezing(MISSPELT),
        freezing("for p in model[0].parameters(): p.requires_grad = False  # flag"),
        {
            "true": freezing("for p in model[0].parameters(): p.requires_grad = True"),
            "of the other layer": freezing("for p in model[1].parameters(): p.requires_grad = False"),
            "another slip": freezing("for p in model[0].parameters(): p.requires_grads = False"),
        },
    ),
    "204, of a module": Case(
        "parameters.misspelt_requires_grad",
        freezing("model[0].requires_grad = False  # flag"),
        freezing("model[0].requires_grad_(False)  # flag"),
        {"of all": freezing("model.requires_grad_(False)")},
    ),
    "204, unfreezing": Case(
        "parameters.misspelt_requires_grad",
        freezing("model[0].requires_grad_(False)\nmodel[0].requires_grad = True  # flag"),
        freezing("model[0].requires_grad_(False)\nmodel[0].requires_grad_(True)  # flag"),
        {"of one parameter": freezing("model[0].requires_grad_(False)\nmodel[0].bias.requires_grad = True")},
    ),
    "205": Case(
        "parameters.module_replaced_after_optimizer",
        REPLACED.format(before="optimizer = optim.SGD(model.parameters(), lr=0.1)", after=""),
        REPLACED.format(before="", after="optimizer = optim.SGD(model.parameters(), lr=0.1)"),
        {
            "the other part": REPLACED.format(before="", after="optimizer = optim.SGD(model[0].parameters(), lr=0.1)"),
            "another rate": REPLACED.format(before="", after="optimizer = optim.SGD(model.parameters(), lr=0.2)"),
        },
    ),
    "205, a loaded state": Case(
        "parameters.module_replaced_after_optimizer",
        REPLACED.replace(
            "model[1] = nn.Linear(2, 1)", "model.load_state_dict(small().state_dict(), assign=True)"
        ).format(before="optimizer = optim.SGD(model.parameters(), lr=0.1)", after=""),
        REPLACED.replace(
            "model[1] = nn.Linear(2, 1)", "model.load_state_dict(small().state_dict(), assign=True)"
        ).format(before="", after="optimizer = optim.SGD(model.parameters(), lr=0.1)"),
    ),
    "206": Case(
        "parameters.parameters_iterator_exhausted",
        CLIPPED.format(parameters="model.parameters()", given="parameters", clipped="parameters"),
        CLIPPED.format(parameters="list(model.parameters())", given="parameters", clipped="parameters"),
        {
            "of one layer": CLIPPED.format(
                parameters="model.parameters()", given="model.parameters()", clipped="parameters"
            ),
            "no clipping": CLIPPED.format(
                parameters="list(model.parameters())", given="parameters", clipped="parameters"
            ).replace("clip.clip_grad_norm_(parameters, 0.01)", "pass"),
        },
    ),
    "206, two optimizers": Case(
        "parameters.parameters_iterator_exhausted",
        BUILT.format(given="parameters").replace(
            "optimizer =", "parameters = model.parameters()\nother = optim.SGD(parameters, lr=0.1)  # flag\noptimizer ="
        ),
        BUILT.format(given="parameters").replace(
            "optimizer =", "parameters = list(model.parameters())\nother = optim.SGD(parameters, lr=0.1)\noptimizer ="
        ),
    ),
    "209": Case(
        "parameters.model_instead_of_parameters",
        BUILT.format(given="model"),
        BUILT.format(given="model.parameters()"),
        {"its parts": BUILT.format(given="model.children()"), "the method": BUILT.format(given="model.parameters")},
    ),
    "301, with state": Case(
        "device.module_moved_after_optimizer",
        MOVED.format(
            model="small().float()",
            before="optimizer = optim.Adam(model.parameters(), lr=0.1)\n"
            "loss(lambda x: model(x.float())).backward()\noptimizer.step()",
            to="torch.float64",
            after="",
        ),
        MOVED.format(
            model="small().float()",
            before="",
            to="torch.float64",
            after="optimizer = optim.Adam(model.parameters(), lr=0.1)\nloss(model).backward()\noptimizer.step()",
        ),
        {
            "no move": MOVED.format(
                model="small().float()",
                before="optimizer = optim.Adam(model.parameters(), lr=0.1)",
                to="torch.float32",
                after="",
            )
        },
    ),
    "301, without state": Case(
        "device.module_moved_after_optimizer",
        MOVED.format(
            model="small().float()", before="optimizer = optim.Adam(model.parameters())", to="torch.float64", after=""
        ),
        MOVED.format(
            model="small().float()", before="", to="torch.float64", after="optimizer = optim.Adam(model.parameters())"
        ),
        {
            "a part": MOVED.format(
                model="small().float()",
                before="",
                to="torch.float64",
                after="optimizer = optim.Adam(model[0].parameters())",
            )
        },
        harmless=True,
    ),
    "301, there already": Case(
        "device.module_moved_after_optimizer",
        MOVED.format(model="small()", before="optimizer = optim.Adagrad(model.parameters())", to="'cpu:0'", after=""),
        MOVED.format(model="small()", before="", to="'cpu:0'", after="optimizer = optim.Adagrad(model.parameters())"),
        reason=Reason.NEEDS_SECOND_DEVICE,
    ),
    "303": Case(
        "device.non_leaf_parameter",
        TENSOR.format(weights="torch.zeros(3, dtype=torch.float32, requires_grad=True).double()"),
        TENSOR.format(weights="torch.zeros(3, dtype=torch.float64, requires_grad=True)"),
        {"no gradient": TENSOR.format(weights="torch.zeros(3, dtype=torch.float64)")},
    ),
    "404": Case(
        "schedulers.get_lr_outside_scheduler",
        reported("scheduler.get_lr()"),
        reported("scheduler.get_last_lr()"),
        {
            "stepped before": reported("scheduler.get_last_lr()", early="scheduler.step()", late=""),
            "asked after the step": reported("0", late="scheduler.step(); scheduler.get_last_lr()"),
            "asked twice": reported("scheduler.get_last_lr()", late="scheduler.step(); scheduler.get_last_lr()"),
            "of another": reported("other.get_last_lr()").replace(
                "for epoch",
                "second = optim.SGD(small().parameters(), lr=0.1)\n"
                "other = lr_scheduler.ExponentialLR(second, 1.0)\nfor epoch",
            ),
        },
    ),
    "404, which raises": Case(
        "schedulers.get_lr_outside_scheduler",
        reported("scheduler.get_lr()", "SequentialLR(optimizer, [lr_scheduler.ConstantLR(optimizer)], [])"),
        reported("scheduler.get_last_lr()", "SequentialLR(optimizer, [lr_scheduler.ConstantLR(optimizer)], [])"),
    ),
    "404, where the number is right": Case(
        "schedulers.get_lr_outside_scheduler",
        reported("scheduler.get_lr()", "LambdaLR(optimizer, lambda t: 0.5**t)"),
        reported("scheduler.get_last_lr()", "LambdaLR(optimizer, lambda t: 0.5**t)"),
        harmless=True,
    ),
    "418": Case(
        "schedulers.removed_scheduler_api",
        VERBOSE.format(verbose=", verbose=True"),
        VERBOSE.format(verbose=""),
        {"renamed": VERBOSE.format(verbose=", verbosity=True")},
    ),
}


def verdict_of(case: Case, original: str, fixed: str) -> Verdict:
    flag = flag_of(original, fixed, case.word)
    return judge(rule_of(case.rule), [run(original)], [run(fixed)], flag)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_fault_is_seen_and_the_fix_is_validated(case: Case) -> None:
    verdict = verdict_of(case, case.bad, case.good)
    if case.reason is not None:
        assert (verdict.finding, verdict.finding_reason) == (FindingVerdict.INCONCLUSIVE, case.reason), verdict
        assert (verdict.fix, verdict.fix_reason) == (FixVerdict.INCONCLUSIVE, case.reason), verdict
    else:
        assert verdict.finding is (NOT_REPRODUCED if case.harmless else CONFIRMED), verdict
        assert verdict.fix is VALIDATED, verdict
        assert ("harmless" in verdict.sentence) is case.harmless


UNMARKED = {name: case for name, case in CASES.items() if not case.word}
"""A call that is missing is found by its row alone."""


@pytest.mark.parametrize("case", UNMARKED.values(), ids=UNMARKED)
def test_without_marked_rows_the_verdict_is_the_same(case: Case) -> None:
    verdict = judge(rule_of(case.rule), [run(case.bad)], [run(case.good)])
    expected = verdict_of(case, case.bad, case.good)
    assert (verdict.finding, verdict.fix) == (expected.finding, expected.fix), verdict


WRONG = {f"{name}: {wrong}": (case, body) for name, case in CASES.items() for wrong, body in case.wrong.items()}


@pytest.mark.parametrize(("case", "body"), WRONG.values(), ids=WRONG)
def test_a_wrong_fix_is_refuted(case: Case, body: str) -> None:
    verdict = verdict_of(case, case.bad, body)
    assert verdict.fix is REFUTED, verdict
    assert verdict.refutation is not None
    assert verdict.fix_sentence


SWAPPED = {name: case for name, case in CASES.items() if not case.harmless and case.reason is None}


@pytest.mark.parametrize("case", SWAPPED.values(), ids=SWAPPED)
def test_swapped_the_finding_is_not_reproduced_and_the_fix_is_refuted(case: Case) -> None:
    verdict = verdict_of(case, case.good, case.bad)
    assert verdict.finding is NOT_REPRODUCED, verdict
    assert verdict.fix is REFUTED, verdict


RIGHT = {
    "guarded at the top": scheduled(top="if epoch: scheduler.step()"),
    "an epoch by number at the top": scheduled(top="scheduler.step(epoch)"),
    "wound forward": scheduled(end="scheduler.step()").replace(
        "for epoch", "for _ in range(3): scheduler.step()\nfor epoch"
    ),
    "a plateau at the top": scheduled(top="scheduler.step(1.0)").replace(
        "StepLR(optimizer, 2, 0.1)", "ReduceLROnPlateau(optimizer, patience=1)"
    ),
    "a warm-up from zero, first": scheduled(before="scheduler.step()").replace(
        "StepLR(optimizer, 2, 0.1)", "LambdaLR(optimizer, lambda t: min(t / 5, 1.0))"
    ),
    "warm-up per batch, schedule per epoch": scheduled(inner="warm.step()", end="scheduler.step()").replace(
        "for epoch", "warm = lr_scheduler.LinearLR(optimizer, 0.1, total_iters=5)\nfor epoch"
    ),
    "one or the other": scheduled(end="(warm if epoch < 3 else scheduler).step()").replace(
        "for epoch", "warm = lr_scheduler.ConstantLR(optimizer, 0.1, total_iters=2)\nfor epoch"
    ),
    "one after another": scheduled(end="both.step()").replace(
        "for epoch",
        "warm = lr_scheduler.LinearLR(optimizer, 0.1, total_iters=2)\n"
        "both = lr_scheduler.SequentialLR(optimizer, [warm, scheduler], [2])\nfor epoch",
    ),
    "two updates a batch": scheduled(
        inner="scheduler.step(); optimizer.zero_grad(); loss(model).backward(); optimizer.step(); scheduler.step()"
    ),
    "a rate by hand": scheduled(end="for group in optimizer.param_groups: group['lr'] *= 0.5").replace(
        "scheduler =", "unused ="
    ),
    "a restart by a fraction": scheduled(inner="scheduler.step(epoch + batch / 3)").replace(
        "StepLR(optimizer, 2, 0.1)", "CosineAnnealingWarmRestarts(optimizer, 2)"
    ),
    "cleared after the step": training(fourth="optimizer.zero_grad()"),
    "cleared between forward and backward": training(second="model.zero_grad()"),
    "cleared to None by hand": training(first="for p in model.parameters(): p.grad = None"),
    "cleared to zero by hand": training(
        first="for p in model.parameters():\n        if p.grad is not None: p.grad.zero_()"
    ),
    "cleared as data": training(
        first="for p in model.parameters():\n        if p.grad is not None: p.grad.data.zero_()"
    ),
    "accumulated": ACCUMULATION.format(first="", last="optimizer.zero_grad()"),
    "accumulated, cleared first": ACCUMULATION.format(first="if batch % 4 == 0: optimizer.zero_grad()", last=""),
    "two losses": training("optimizer.zero_grad()", third="loss(model).backward()"),
    "a first backward for the log": training(
        third="optimizer.zero_grad(); loss(model).backward()", first="optimizer.zero_grad()"
    ),
    "a bad batch left out": training(
        "optimizer.zero_grad()", third="if batch == 2:\n        optimizer.zero_grad()\n        continue"
    ),
    "written back": training(
        "optimizer.zero_grad()",
        third="kept = [p.grad.clone() for p in model.parameters()]; optimizer.zero_grad()\n"
        "    for p, g in zip(model.parameters(), kept): p.grad = g",
    ),
    "clipped by hand": training("optimizer.zero_grad()", third="for p in model.parameters(): p.grad.mul_(0.5)"),
    "clipped by value": training("optimizer.zero_grad()", third="clip.clip_grad_value_(model.parameters(), 0.1)"),
    "a GAN": GAN.format(d="optimizer_d.zero_grad()", g="optimizer_g.zero_grad()"),
    "a GAN cleared by networks": GAN.format(d="net_d.zero_grad()", g="net_g.zero_grad()"),
    "a closure": """
model = small()
optimizer = optim.LBFGS(model.parameters(), lr=0.1, max_iter=4)
def closure():
    optimizer.zero_grad()
    value = loss(model)
    value.backward()
    return value
for batch in range(3):
    optimizer.step(closure)
""",
    "a closure of Adam": """
model = small()
optimizer = optim.Adam(model.parameters(), lr=0.1)
def closure():
    optimizer.zero_grad()
    value = loss(model)
    value.backward()
    return value
for batch in range(3):
    optimizer.step(closure)
""",
    "scaled": training("optimizer.zero_grad()", fourth="scaler.update()")
    .replace("value.backward()", "scaler.scale(value).backward()")
    .replace(
        "optimizer.step()",
        "scaler.unscale_(optimizer)\n    clip.clip_grad_norm_(model.parameters(), 0.1)\n    scaler.step(optimizer)",
    )
    .replace("for batch", "scaler = torch.amp.GradScaler('cpu', init_scale=1024.0, growth_interval=2)\nfor batch"),
    "scaled, the first update left out": scheduled(end="scheduler.step()")
    .replace("loss(model).backward()", "scaler.scale(loss(model) * (1e300 if epoch == 0 else 1.0)).backward()")
    .replace("optimizer.step()", "scaler.step(optimizer); scaler.update()")
    .replace("for epoch", "scaler = torch.amp.GradScaler('cpu', init_scale=1e30)\nfor epoch")
    .replace("range(3)", "range(1)"),
    "rebuilt for each phase": """
model = small()
for phase in range(3):
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    scheduler = lr_scheduler.StepLR(optimizer, 1)
    for batch in range(2):
        optimizer.zero_grad()
        loss(model).backward()
        optimizer.step()
        scheduler.step()
""",
    "the head alone": freezing("", "model[1].parameters()"),
    "frozen and filtered": freezing(FROZEN, "filter(lambda p: p.requires_grad, model.parameters())"),
    "frozen for good": LATER.format(momentum=0.9, drop="", none=True),
    "unfrozen with a group": unfreezing(add="optimizer.add_param_group({'params': model[0].parameters()})"),
    "unfrozen, held all along": unfreezing().replace(
        "filter(lambda p: p.requires_grad, model.parameters())", "model.parameters()"
    ),
    "unfrozen, another optimizer": unfreezing(add="optimizer = optim.SGD(model.parameters(), lr=0.1)"),
    "replaced before": REPLACED.format(before="", after="optimizer = optim.SGD(model.parameters(), lr=0.1)"),
    "replaced by what holds it": REPLACED.replace("nn.Linear(2, 1)", "nn.Sequential(model[1], nn.Identity())").format(
        before="optimizer = optim.SGD(model.parameters(), lr=0.1)", after=""
    ),
    "a copy aside": """
import copy
model = small()
optimizer = optim.SGD(model.parameters(), lr=0.1)
average = copy.deepcopy(model)
average.requires_grad_(False)
for batch in range(4):
    optimizer.zero_grad()
    loss(model).backward()
    optimizer.step()
    for ours, theirs in zip(average.parameters(), model.parameters()):
        ours.data.mul_(0.9).add_(theirs.data, alpha=0.1)
""",
    "clipped": CLIPPED.format(parameters="model.parameters()", given="parameters", clipped="model.parameters()"),
    "moved before": MOVED.format(
        model="small().float()", before="", to="torch.float64", after="optimizer = optim.Adagrad(model.parameters())"
    ),
    "two optimizers of one loss": """
model = small()
first, second = optim.Adam(model[0].parameters()), optim.SGD(model[1].parameters(), lr=0.1)
for batch in range(4):
    first.zero_grad(); second.zero_grad()
    loss(model).backward()
    first.step()
    second.step()
""",
    "shared weights": """
shared = nn.Linear(3, 3)
one, two = nn.Sequential(shared, nn.Linear(3, 1)), nn.Sequential(shared, nn.Linear(3, 1))
optimizer = optim.Adam([*one.parameters(), *two[1].parameters()])
for batch in range(4):
    optimizer.zero_grad()
    (loss(one) + loss(two)).backward()
    optimizer.step()
""",
}
UNSEEN = {
    "an update in unknown code": scheduled(top="engine(model, optimizer); scheduler.step()").replace(
        "for epoch", "engine = standin.unknown('engine')\nfor epoch"
    ),
    "no backward": scheduled(end="scheduler.step()").replace("loss(model)", "standin.unknown('criterion')(model)"),
}
RULES = {entry.rule.code: entry.rule for entry in load_catalog()}


@pytest.mark.parametrize("body", RIGHT.values(), ids=RIGHT)
def test_right_code_is_never_confirmed(body: str) -> None:
    trace = run(body)
    assert trace.failure is None, trace.failure
    assert trace.updates
    for code, rule in RULES.items():
        verdict = judge(rule, [trace], [trace])
        assert verdict.finding is not CONFIRMED, (code, verdict)
        broken = verdict.refutation is not None and verdict.refutation.quantity == "property"
        assert verdict.fix is not REFUTED or broken, (code, verdict)


def test_what_unknown_code_may_have_done_is_not_confirmed() -> None:
    trace = run(UNSEEN["an update in unknown code"])
    verdict = judge(rule_of(CASES["101, per epoch"].rule), [trace], [trace])
    assert (verdict.finding, verdict.finding_reason) == (FindingVerdict.INCONCLUSIVE, Reason.NOT_EXERCISED)
    assert verdict.fix is not VALIDATED


@pytest.mark.parametrize("code", ["OPT103", "OPT104", "OPT201", "OPT202", "OPT205"])
def test_without_a_backward_nothing_is_said_of_gradients(code: str) -> None:
    trace = run(UNSEEN["no backward"])
    assert trace.updates
    verdict = judge(RULES[code], [trace], [trace])
    assert (verdict.finding, verdict.finding_reason) == (FindingVerdict.INCONCLUSIVE, Reason.NOT_EXERCISED)
    assert (verdict.fix, verdict.fix_reason) == (FixVerdict.INCONCLUSIVE, Reason.NOT_EXERCISED)


def test_without_a_scheduler_nothing_is_said_of_rates() -> None:
    trace = run(GOOD)
    verdict = judge(RULES["OPT102"], [trace], [trace])
    assert (verdict.finding, verdict.finding_reason) == (FindingVerdict.INCONCLUSIVE, Reason.NOT_EXERCISED)


@pytest.mark.parametrize("body", RIGHT.values(), ids=RIGHT)
def test_right_code_departs_nowhere(body: str) -> None:
    trace = run(body)
    logging = "first backward" in next(name for name, each in RIGHT.items() if each is body)
    for update in trace.updates:
        assert update.rates == pytest.approx(update.due_rates, rel=1e-12, abs=1e-15)
        assert update.gradient is None or update.gradient.relative <= 1e-12 or logging
        assert update.arithmetic is None or update.arithmetic.relative <= 1e-9
        assert not update.frozen_moved


OUT_OF_SIGHT = {"sharded-after-optimizer", "plateau-stepped-per-batch"}
"""One process shards nothing, and stand-ins have no noisy losses: of these faults a replay never says anything."""


def test_every_rule_of_the_pack_has_a_case_here_or_among_the_fixtures() -> None:
    """Those of the fixtures that `fixtures/verdicts.toml` does not name are confirmed, which is tested there."""
    told = tomllib.loads((FIXTURES / "verdicts.toml").read_text("utf-8"))["fixture"]
    confirmed = {case.path.parent.name for case in cases("bad_") if case.name not in told}
    here = {rule_of(case.rule).code for case in CASES.values()}
    unseen = [entry for entry in load_catalog() if entry.rule.code not in here and entry.name not in confirmed]
    assert {entry.name for entry in unseen if entry.rule.evidence is not Evidence.TEXT} <= OUT_OF_SIGHT


GOOD, BAD = CASES["103"].good, CASES["103"].bad
RULE = rule_of(CASES["103"].rule)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("timed out after 20 s", Reason.TIMED_OUT),
        ("memory", Reason.TIMED_OUT),
        ("died: signal 11", Reason.TIMED_OUT),
        ("refused: row 3: it imports", Reason.CANNOT_SLICE),
        ("failed: KeyError", Reason.CRASHED_IN_STANDIN),
    ],
)
def test_a_lost_run_is_inconclusive(words: str, reason: Reason) -> None:
    verdict = judge(RULE, [Lost(words)], [run(GOOD)])
    assert (verdict.finding, verdict.finding_reason) == (FindingVerdict.INCONCLUSIVE, reason)
    assert (verdict.fix, verdict.fix_reason) == (FixVerdict.INCONCLUSIVE, reason)
    verdict = judge(RULE, [run(BAD)], [Lost(words)])
    assert (verdict.finding, verdict.fix, verdict.fix_reason) == (CONFIRMED, FixVerdict.INCONCLUSIVE, reason)


def test_one_combination_confirms_and_one_refutes() -> None:
    good, bad = run(GOOD), run(BAD)
    assert judge(RULE, [good, bad], [good, good]).finding is CONFIRMED
    assert judge(RULE, [good, bad], [good, good]).fix is VALIDATED
    assert judge(RULE, [good, bad], [good, bad]).fix is REFUTED
    assert judge(RULE, [good, Lost("timed out")], None).finding is FindingVerdict.INCONCLUSIVE
    assert judge(RULE, [bad, Lost("timed out")], [good, good]).fix is FixVerdict.INCONCLUSIVE
    assert judge(RULE, [good, good], None).finding is NOT_REPRODUCED
    with pytest.raises(ValueError, match="same combinations"):
        judge(RULE, [good], [good, good])


def test_without_a_fix_there_is_no_verdict_on_it() -> None:
    verdict = judge(RULE, [run(BAD)], None)
    assert (verdict.fix, verdict.fix_sentence, verdict.fix_reason) == (None, "", None)
    assert verdict.first_divergence == 2
    assert verdict.magnitude is not None
    assert verdict.magnitude > 0.1
    assert "2.13" in verdict.sentence or verdict.torch in verdict.sentence


def test_a_run_without_an_update_is_not_exercised() -> None:
    trace = run(START)
    verdict = judge(RULE, [trace], [trace])
    assert (verdict.finding, verdict.finding_reason) == (FindingVerdict.INCONCLUSIVE, Reason.NOT_EXERCISED)
    assert (verdict.fix, verdict.fix_reason) == (FixVerdict.INCONCLUSIVE, Reason.NOT_EXERCISED)


def test_a_schedule_that_never_changes_the_rate_is_not_exercised() -> None:
    case = CASES["101, per epoch"]
    bad, good = (body.replace("2, 0.1", "30, 0.1") for body in (case.bad, case.good))
    verdict = verdict_of(case, bad, good)
    assert (verdict.finding, verdict.finding_reason) == (FindingVerdict.INCONCLUSIVE, Reason.NOT_EXERCISED)
    assert verdict.fix is not VALIDATED


@pytest.mark.parametrize("own", [True, False])
def test_a_failure_elsewhere_proves_nothing(own: bool) -> None:
    failure = Failure("ValueError", "the shapes do not fit", 99, own)
    bad, good = (replace(run(body), failure=failure, updates=(), happenings=()) for body in (BAD, GOOD))
    verdict = judge(RULE, [bad], [good])
    assert (verdict.finding, verdict.finding_reason) == (FindingVerdict.INCONCLUSIVE, Reason.CRASHED_IN_STANDIN)
    assert (verdict.fix, verdict.fix_reason) == (FixVerdict.INCONCLUSIVE, Reason.CRASHED_IN_STANDIN)
    alone = judge(RULE, [run(BAD)], [good])
    assert alone.fix is (FixVerdict.INCONCLUSIVE if own else REFUTED)


def test_a_fix_that_is_cut_short_alone_is_inconclusive() -> None:
    verdict = judge(RULE, [run(BAD)], [run(GOOD, most_updates=3)])
    assert (verdict.fix, verdict.fix_reason) == (FixVerdict.INCONCLUSIVE, Reason.TIMED_OUT)
    assert judge(RULE, [run(BAD, most_updates=3)], [run(GOOD, most_updates=3)]).fix is VALIDATED


def test_of_two_findings_in_one_script_each_has_its_own_verdict() -> None:
    both = """
net_a, net_b = small(), small()
optimizer_a, optimizer_b = optim.SGD(net_a.parameters(), lr=0.1), optim.SGD(net_b.parameters(), lr=0.1)
for batch in range(4):
    {a}
    {b}
    loss(net_a).backward(){mark_a}
    loss(net_b).backward(){mark_b}
    optimizer_a.step(){mark_a}
    optimizer_b.step(){mark_b}
"""
    clear_a, clear_b = "optimizer_a.zero_grad()", "optimizer_b.zero_grad()"

    def body(**parts: str) -> str:
        return both.format(**{"a": "", "b": "", "mark_a": "", "mark_b": "", **parts})

    of_a = body(mark_a="  # flag")
    flag = flag_of(of_a)
    assert judge(RULE, [run(of_a)], [run(body(a=clear_a))], flag).fix is VALIDATED
    assert judge(RULE, [run(of_a)], [run(body(b=clear_b))], flag).fix is REFUTED
    assert judge(RULE, [run(of_a)], [run(body(a=clear_a))]).fix is REFUTED  # for both
    half = body(b=clear_b, mark_b="  # flag")
    assert judge(RULE, [run(half)], None, flag_of(half)).finding is NOT_REPRODUCED


def test_two_runs_of_one_script_agree_to_the_last_digit() -> None:
    for name in ("103, in a GAN", "102, of a schedule in batches", "301, with state"):
        first, second = run(CASES[name].bad), run(CASES[name].bad)
        assert reproducible(first, second)
        assert judge(rule_of(CASES[name].rule), [first], None) == judge(rule_of(CASES[name].rule), [second], None)
    assert not reproducible(first, run(GOOD))
    nan = replace(first, updates=(replace(first.updates[0], travelled=float("nan")),))
    again = replace(first, updates=(replace(first.updates[0], travelled=float("nan")),))
    assert reproducible(nan, again)


def test_the_parent_side_needs_no_torch() -> None:
    import subprocess

    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import optlint.replay.judgement, optlint.replay.monitoring, optlint.replay.verdict\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
