"""What a fix must keep: each comparison has a fix that spoils just that, and one that leaves it alone."""

from __future__ import annotations

from importlib import import_module

import pytest

pytest.importorskip("torch", reason="replays run torch")

from optlint.replay.judgement import judge
from optlint.replay.verdict import FindingVerdict, FixVerdict, Flag, Reason, Verdict
from optlint.rule import Rule
from replay_running import flag_of, run


def rule_of(path: str) -> Rule:
    rule: Rule = import_module(f"optlint_rules.{path}").RULE
    return rule


def verdict_of(rule: str, bad: str, fixed: str, flag: Flag | None = None) -> Verdict:
    return judge(rule_of(rule), [run(bad)], [run(fixed)], flag or flag_of(bad, fixed))


CLIPPED = """
model = small()
optimizer = optim.SGD(model.parameters(), lr=0.1)
for batch in range(4):
    {first}
    loss(model).backward()  # flag
    {clip}
    optimizer.step()  # flag
    {last}
"""
CLEAR = "optimizer.zero_grad()"


def clipped(clip: str = "", **parts: str) -> str:
    return CLIPPED.format(**{"first": "", "last": "", "clip": clip, **parts})


CLIP = "clip.clip_grad_norm_(model.parameters(), 0.05)"


@pytest.mark.parametrize(
    ("fixed", "said"),
    [
        (clipped(CLIP, first=CLEAR), ""),
        (clipped(CLIP, last=CLEAR), ""),
        (clipped("clip.clip_grad_norm_(list(model.parameters()), max_norm=0.05)", first=CLEAR), ""),
        (clipped(first=CLEAR, last=CLIP), "comes after 0 backwards and before update 2"),
        (clipped(first=f"{CLEAR}; {CLIP}"), "comes after 0 backwards and before update 1"),
        (clipped("clip.clip_grad_norm_(model.parameters(), 5.0)", first=CLEAR), "is `clip clip_grad_norm_ 5, 2`"),
        (clipped("clip.clip_grad_norm_(model.parameters(), 0.05, 1.0)", first=CLEAR), "clip_grad_norm_ 0.05, 1`"),
        (clipped("clip.clip_grad_value_(model.parameters(), 0.05)", first=CLEAR), "is `clip clip_grad_value_ 0.05`"),
        (clipped("clip.clip_grad_norm_(model[0].parameters(), 0.05)", first=CLEAR), "is of 2 parameters, and of 4"),
        (clipped(f"{CLIP} if batch else None", first=CLEAR), "and before update 2"),
        (clipped(f"{CLIP}; {CLIP}", first=CLEAR), "comes after 1 backwards and before update 1"),
        (clipped(f"{CLIP}; {CLIP} if batch == 3 else None", first=CLEAR), "before update 4 happens, and does not as"),
    ],
)
def test_a_fix_keeps_the_clipping(fixed: str, said: str) -> None:
    verdict = verdict_of("order.zero_grad_missing", clipped(CLIP), fixed)
    assert verdict.fix is (FixVerdict.REFUTED if said else FixVerdict.VALIDATED), verdict.fix_sentence
    assert said in verdict.fix_sentence


PAIR = """
net_g, net_d = nn.Linear(3, 3), nn.Linear(3, 1)
optimizer_g, optimizer_d = optim.SGD(net_g.parameters(), lr=0.1), optim.SGD(net_d.parameters(), lr=0.1)
for batch in range(4):
    {top}
    loss(net_g, net_d).backward()  # flag
    optimizer_g.step()  # flag
    {middle}
    loss(net_d).backward()
    optimizer_d.step()
"""


def test_a_fix_leaves_no_gradients_to_another_optimizer() -> None:
    bad = PAIR.format(top="", middle="optimizer_d.zero_grad()")
    good = PAIR.format(top="optimizer_g.zero_grad()", middle="optimizer_d.zero_grad()")
    early = PAIR.format(top="optimizer_g.zero_grad(); optimizer_d.zero_grad()", middle="")
    assert verdict_of("order.zero_grad_missing", bad, good).fix is FixVerdict.VALIDATED
    verdict = verdict_of("order.zero_grad_missing", bad, early)
    assert verdict.fix is FixVerdict.REFUTED
    assert verdict.fix_sentence == "update 2 uses gradients of another loss, and did not as written"


EPOCHS = """
model = small()
optimizer = optim.SGD(model.parameters(), lr=0.1)
scheduler = lr_scheduler.StepLR(optimizer, 2, 0.1)
for epoch in range(6):
    {top}
    for batch in range(3):
        {clear}
        loss(model).backward()
        optimizer.step()
    {end}
"""


def epochs(top: str = "", end: str = "", clear: str = CLEAR) -> str:
    return EPOCHS.format(top=top, end=end, clear=clear)


@pytest.mark.parametrize(
    ("fixed", "said"),
    [
        (epochs(end="scheduler.step()"), ""),
        (epochs(top="scheduler.step(epoch)  # flag"), ""),
        (epochs(top="scheduler.step(epoch + 1)  # flag"), "the schedule is at step 1 in update 1, and should be at 0"),
        (epochs(top="scheduler.step(2 * epoch)  # flag"), "the schedule is at step 2 in update 4, and should be at 1"),
        (epochs(top=CLEAR, end="scheduler.step()", clear=""), "update 2 no longer uses the gradient that is due"),
    ],
)
def test_a_fix_of_a_rate_keeps_the_epochs_and_the_gradients(fixed: str, said: str) -> None:
    bad = epochs(top="scheduler.step()  # flag")
    verdict = verdict_of("order.scheduler_step_before_optimizer_step", bad, fixed)
    assert verdict.fix is (FixVerdict.REFUTED if said else FixVerdict.VALIDATED), verdict.fix_sentence
    assert said in verdict.fix_sentence


SEQUENCE = epochs(end="{steps}").replace(
    "scheduler = lr_scheduler.StepLR(optimizer, 2, 0.1)",
    "first = lr_scheduler.ConstantLR(optimizer, 0.5, 3)\n"
    "second = lr_scheduler.ExponentialLR(optimizer, 0.9)\n"
    "scheduler = lr_scheduler.SequentialLR(optimizer, [first, second], [3])",
)


def test_the_step_of_a_part_is_none_of_the_whole() -> None:
    bad = SEQUENCE.format(steps="scheduler.step()  # flag\n    second.step()  # flag")
    rule = "order.scheduler_stepped_twice"
    assert verdict_of(rule, bad, SEQUENCE.format(steps="scheduler.step()")).fix is FixVerdict.VALIDATED
    verdict = verdict_of(rule, bad, SEQUENCE.format(steps="second.step()"))
    assert verdict.fix is FixVerdict.REFUTED
    assert verdict.fix_sentence == "the schedule is at step 0 in update 4, and should be at 1"


SCALED = """
model = small()
optimizer = optim.SGD(model.parameters(), lr=0.1)
scaler = torch.amp.GradScaler("cpu", init_scale=64.0)
for batch in range(4):
    {body}
"""


def test_a_fix_keeps_the_scaler() -> None:
    wrong = "optimizer.zero_grad()  # flag\n    loss(model).backward()\n    optimizer.step()"
    right = (
        "optimizer.zero_grad()  # flag\n    scaler.scale(loss(model)).backward()\n"
        "    scaler.step(optimizer)\n    scaler.update()"
    )
    bad = (
        "scaler.scale(loss(model)).backward()\n    optimizer.zero_grad()  # flag\n"
        "    scaler.step(optimizer)\n    scaler.update()"
    )
    rule = "order.zero_grad_before_step"
    assert verdict_of(rule, SCALED.format(body=bad), SCALED.format(body=right)).fix is FixVerdict.VALIDATED
    verdict = verdict_of(rule, SCALED.format(body=bad), SCALED.format(body=wrong))
    assert (verdict.fix, verdict.fix_sentence) == (FixVerdict.REFUTED, "the scaler is no longer asked to `scale`")


REPLACED = """
model = small()
{early}
optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
{first}
for batch in range(4):
    optimizer.zero_grad()
    loss(model).backward()
    optimizer.step()  # flag
    {inner}
{last}
"""
NEW = "model[1] = nn.Linear(2, 1)"
LOAD = "model.load_state_dict(model.state_dict(), assign=True)"


def replaced(early: str = "", first: str = "", inner: str = "", last: str = "") -> str:
    return REPLACED.format(early=early, first=first, inner=inner, last=last)


ANEW = "optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)"


@pytest.mark.parametrize(
    ("fixed", "said"),
    [
        (replaced(early=NEW), ""),
        (replaced(first=f"{NEW}  # flag\n{ANEW}"), ""),
        (replaced(first=f"{NEW}  # flag\noptimizer.add_param_group({{'params': model[1].parameters()}})"), ""),
        (replaced(first=NEW, inner=ANEW), "update 2 is made by another optimizer"),
        (
            replaced(first=f"{NEW}\n{ANEW.replace('0.9', '0.5')}"),
            "update 1 is made by another optimizer",
        ),
        (
            replaced(first=f"{NEW}\noptimizer.add_param_group({{'params': model[1].parameters(), 'momentum': 0.0}})"),
            "a group of `optimizer` has momentum=0.0 after the fix, and none has as written",
        ),
        (replaced(), "begins as what is replaced as written, and nothing takes its place"),
        (replaced(last=NEW), "begins as what is replaced as written, and nothing takes its place"),
    ],
)
def test_a_fix_keeps_what_takes_the_place_of_something_else(fixed: str, said: str) -> None:
    bad = replaced(first=f"{NEW}  # flag")
    verdict = verdict_of("parameters.module_replaced_after_optimizer", bad, fixed)
    assert verdict.finding is FindingVerdict.CONFIRMED
    assert verdict.fix is (FixVerdict.REFUTED if said else FixVerdict.VALIDATED), verdict.fix_sentence
    assert said in verdict.fix_sentence


def test_a_state_is_loaded_before_the_same_update() -> None:
    bad = replaced(first=f"{LOAD}  # flag")
    rule = "parameters.module_replaced_after_optimizer"
    assert verdict_of(rule, bad, replaced(early=LOAD)).fix is FixVerdict.VALIDATED
    late = verdict_of(rule, bad, replaced(last=LOAD))
    assert late.fix_sentence == "`load module` before update 1 no longer happens"
    other = verdict_of(rule, bad, replaced(first="optimizer.load_state_dict(optimizer.state_dict())"))
    assert other.fix_sentence == "`load module` after 0 backwards is `load optimizer`"
    assert (late.fix, other.fix) == (FixVerdict.REFUTED, FixVerdict.REFUTED)


def test_values_that_come_otherwise_are_left_open() -> None:
    """They are no longer those of what is replaced, and nothing is seen to replace them."""
    bad = replaced(early="values = torch.ones(1, 2)", first="model[1].weight = nn.Parameter(values)  # flag")
    fixed = replaced(early="values = torch.ones(1, 2)", first="model[1].weight.data.copy_(values)")
    verdict = verdict_of("parameters.module_replaced_after_optimizer", bad, fixed)
    assert (verdict.fix, verdict.fix_reason) == (FixVerdict.INCONCLUSIVE, Reason.NOT_EXERCISED)
    assert "its values do not tell" in verdict.fix_sentence


GROUPS = """
model = small()
optimizer = optim.SGD({groups}, lr=0.1)
for batch in range(4):
    {clear}
    loss(model).backward()  # flag
    optimizer.step()  # flag
"""
DECAYED = "[{'params': model[0].parameters(), 'weight_decay': 0.1}, {'params': model[1].parameters()}]"


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        (DECAYED, ""),
        (DECAYED.replace("0.1", "0.2"), "a group of `optimizer` has weight_decay=0.2 after the fix"),
        (DECAYED.replace("parameters(), 'weight", "parameters(), 'lr': 0.1, 'weight"), ""),
        (DECAYED.replace("model[0].parameters()", "[model[0].weight]"), "the groups of `optimizer` are others"),
    ],
)
def test_a_fix_keeps_the_options_of_groups(groups: str, said: str) -> None:
    bad = GROUPS.format(groups=DECAYED, clear="")
    verdict = verdict_of("order.zero_grad_missing", bad, GROUPS.format(groups=groups, clear=CLEAR))
    assert verdict.fix is (FixVerdict.REFUTED if said else FixVerdict.VALIDATED), verdict.fix_sentence
    assert said in verdict.fix_sentence


def test_without_any_report_nothing_is_said_of_one() -> None:
    bad = epochs(end="rate = scheduler.get_lr()  # flag\n    scheduler.step()")
    fixed = epochs(end="rate = optimizer.param_groups[0]['lr']  # flag\n    scheduler.step()")
    verdict = verdict_of("schedulers.get_lr_outside_scheduler", bad, fixed)
    assert verdict.finding is FindingVerdict.CONFIRMED
    assert (verdict.fix, verdict.fix_reason) == (FixVerdict.INCONCLUSIVE, Reason.NOT_EXERCISED)


def test_a_step_that_nothing_follows_must_stand_in_the_same_loops() -> None:
    bad, fixed = (
        epochs(**part).replace("range(6)", "range(1)")
        for part in ({"top": "scheduler.step()  # flag"}, {"end": "scheduler.step()"})
    )
    bad, fixed = (each.replace("2, 0.1", "1, 0.1") for each in (bad, fixed))
    rule = "order.scheduler_step_before_optimizer_step"
    assert verdict_of(rule, bad, fixed).fix is FixVerdict.VALIDATED
    elsewhere = verdict_of(rule, bad, fixed, Flag(flag_of(bad).rows, (), loops_kept=False))
    assert (elsewhere.fix, elsewhere.fix_reason) == (FixVerdict.INCONCLUSIVE, Reason.NOT_EXERCISED)


UNFROZEN = """
model = small()
model[0].requires_grad_(False)
optimizer = optim.SGD(model[1].parameters(), lr=0.1)
for epoch in range(4):
    if epoch == 2:
        model[0].requires_grad_(True)  # flag
        {then}
    for batch in range(2):
        optimizer.zero_grad()
        loss(model).backward()
        optimizer.step()  # flag
"""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("model.parameters(), lr=0.1", FixVerdict.VALIDATED),
        ("model.parameters(), lr=0.3", FixVerdict.REFUTED),
        ("model.parameters(), lr=0.1, weight_decay=0.1", FixVerdict.REFUTED),
        ("model[0].parameters(), lr=0.1", FixVerdict.REFUTED),
    ],
)
def test_an_optimizer_may_be_made_anew_where_parameters_change(given: str, expected: FixVerdict) -> None:
    fixed = UNFROZEN.format(then=f"optimizer = optim.SGD({given})")
    verdict = verdict_of("parameters.unfrozen_parameters_not_in_optimizer", UNFROZEN.format(then=""), fixed)
    assert verdict.fix is expected, verdict.fix_sentence
