from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("torch", reason="the recorder hooks torch")

import torch

from optlint.program.events import Act
from optlint.replay import hooks_meant
from optlint.replay import recorder as recording
from optlint.replay.trace import Group, Happening, Kind, Trace, Update
from replay_running import run

RICH = """
leaf = torch.zeros(2, requires_grad=True).double()
model = small()
other = small()
optimizer = optim.SGD(model[0].parameters(), lr=0.1, momentum=0.9)
second = optim.Adam(other.parameters(), lr=0.1)
scheduler = lr_scheduler.ExponentialLR(optimizer, 0.9)
scaler = torch.amp.GradScaler("cpu", init_scale=64.0, growth_interval=2)
optimizer.add_param_group({"params": model[1].parameters()})
for epoch in range(6):
    optimizer.zero_grad()
    scaler.scale(loss(model)).backward()
    scaler.unscale_(optimizer)
    clip.clip_grad_norm_(model.parameters(), 0.1)
    clip.clip_grad_value_(model.parameters(), 0.01)
    scaler.step(optimizer)
    scaler.update()
    scheduler.step()
    rate = scheduler.get_lr()
    other.zero_grad(set_to_none=False)
    loss(other).backward()
    second.step()
    if epoch == 1:
        optimizer.load_state_dict(optimizer.state_dict())
        scheduler.load_state_dict(scheduler.state_dict())
        other.load_state_dict(other.state_dict())
    if epoch == 2:
        model[0].requires_grad_(False)
        model[1].bias.requires_grad_(False)
        model[0].weight.grad = None
    if epoch == 3:
        model[0].weight.requires_grad = True
        other[0].weight.grad.zero_()
        other[1] = nn.Linear(2, 1)
    standin.unknown("engine")(model, [optimizer], scheduler=scheduler)
    known = standin.is_instance(scheduler, lr_scheduler.LRScheduler)
    if epoch == 4:
        model.double()
        model.requires_grad = True
        other[0].bias.requires_grads = False
other[0].weight.grad = torch.autograd.grad(scaler.scale(loss(other)), [other[0].weight])[0]
scaler.step(second)
other[0].weight.grad *= 1.0
other[0].weight.grad.copy_(other[0].weight.data)
"""


def of(trace: Trace, *acts: Act) -> list[Happening]:
    return [each for each in trace.happenings if each.act in acts]


def row_of(body: str, text: str) -> int:
    return next(row for row, line in enumerate(body.splitlines(), start=1) if text in line)


@pytest.fixture(scope="module")
def rich() -> Trace:
    return run(RICH)


def test_the_rich_loop_runs_to_its_end(rich: Trace) -> None:
    assert rich.failure is None
    assert len(rich.updates) == 13


@pytest.mark.parametrize("hook", recording._HOOKS)
def test_without_a_hook_the_trace_is_another(hook: str, rich: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "_HOOKS", {key: value for key, value in recording._HOOKS.items() if key != hook})
    trace = run(RICH)
    assert (trace.happenings, trace.updates) != (rich.happenings, rich.updates)


ROWS = {
    "leaf =": Act.MOVE,
    "optimizer = optim": Act.NEW,
    "scheduler = lr": Act.NEW,
    "add_param_group": Act.ADD_GROUP,
    "optimizer.zero_grad": Act.CLEAR,
    "backward()": Act.BACKWARD,
    "unscale_": Act.UNSCALE,
    "clip_grad_norm_": Act.CLIP,
    "clip_grad_value_": Act.CLIP,
    "scaler.step": Act.STEP,
    "scaler.update": Act.UPDATE_SCALE,
    "scheduler.step": Act.SCHEDULE,
    "get_lr": Act.CALL,
    "other.zero_grad": Act.CLEAR,
    "loss(other)": Act.BACKWARD,
    "second.step": Act.STEP,
    "optimizer.load_state_dict": Act.LOAD,
    "scheduler.load_state_dict": Act.LOAD,
    "other.load_state_dict": Act.LOAD,
    "model[0].requires_grad_(": Act.FREEZE,
    "model[1].bias.requires_grad_(": Act.FREEZE,
    "model[0].weight.grad = None": Act.CLEAR,
    "model[0].weight.requires_grad = True": Act.UNFREEZE,
    "grad.zero_": Act.CLEAR,
    "other[1] =": Act.REPLACE,
    "standin.unknown": Act.ESCAPE,
    "standin.is_instance": Act.MENTION,
    "model.double": Act.MOVE,
    "model.requires_grad =": Act.SET_ATTRIBUTE,
    "requires_grads": Act.SET_ATTRIBUTE,
    "torch.autograd.grad": Act.SET_GRADIENT,
    "scaler.step(second)": Act.STEP,
    "grad *=": Act.CHANGE_GRADIENT,
    "grad.copy_": Act.SET_GRADIENT,
}


@pytest.mark.parametrize(("text", "act"), ROWS.items(), ids=ROWS)
def test_each_act_happens_in_its_row(text: str, act: Act, rich: Trace) -> None:
    row = row_of(RICH, text)
    assert act in {each.act for each in rich.happenings if each.row == row}


def test_nothing_else_happens(rich: Trace) -> None:
    known = {(row_of(RICH, text), act) for text, act in ROWS.items()}
    known |= {(row_of(RICH, text), Act.CALL) for text in ("scaler.scale", "scaler.step", "autograd.grad", "(second)")}
    known |= {(row_of(RICH, text), Act.NEW) for text in ("second =",)}
    assert {(each.row, each.act) for each in rich.happenings} == known


def test_objects_go_by_the_names_of_the_script(rich: Trace) -> None:
    labels = {each.label: (each.kind, each.name) for each in rich.things}
    assert labels["optimizer"] == (Kind.OPTIMIZER, "SGD")
    assert labels["second"] == (Kind.OPTIMIZER, "Adam")
    assert labels["scheduler"] == (Kind.SCHEDULER, "ExponentialLR")
    assert labels["scaler"] == (Kind.SCALER, "GradScaler")
    assert labels["model"] == (Kind.MODULE, "Sequential")


def everything() -> dict[tuple[str, str], int]:
    """What torch's modules and classes consist of, by identity."""
    found: dict[tuple[str, str], int] = {}
    for path, module in list(sys.modules.items()):
        if path == "torch" or path.startswith(
            ("torch.nn", "torch.optim", "torch.amp", "torch.autograd", "torch._tensor")
        ):
            for name, value in list(vars(module).items()):
                if isinstance(value, ModuleType) or name.startswith("__"):
                    continue
                found[path, name] = id(value)
                if isinstance(value, type) and value.__module__.startswith("torch"):
                    found.update(((f"{path}.{name}", key), id(each)) for key, each in vars(value).items())
    return found


@pytest.mark.parametrize("ending", ["", "raise KeyError(1)", "class Own(lr_scheduler.StepLR): pass"])
def test_afterwards_torch_is_as_it_was(ending: str) -> None:
    run(RICH)  # torch itself wraps the step of a class when the first of it is made
    before = everything()
    run(RICH + ending)
    after = everything()
    assert after == before


def test_recording_changes_no_result() -> None:
    results: list[list[Any]] = []
    for watched in (True, False):
        body = RICH + "\nresults.append([*model.state_dict().values(), *other.state_dict().values(), rate])"
        if watched:
            assert run(body, results=results).failure is None
        else:
            plainly(body, results=results)
    first, second = results
    for one, two in zip(first, second, strict=True):
        assert torch.equal(torch.as_tensor(one), torch.as_tensor(two))


def plainly(body: str, **names: Any) -> None:
    """Run a body without a recorder."""
    import replay_running

    class Nobody:
        def __init__(self, **_: Any) -> None:
            pass

        def __enter__(self) -> Nobody:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def trace(self, failure: object) -> object:
            assert failure is None, failure
            return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay_running, "Recorder", Nobody)
        run(body, **names)


def test_the_replay_ends_after_the_most_updates() -> None:
    trace = run(RICH, most_updates=5)
    assert (len(trace.updates), trace.cut, trace.failure) == (5, True, None)
    body = """
parameter = torch.zeros(1, requires_grad=True)
optimizer = optim.SGD([parameter], lr=0.1)
try:
    while True:
        optimizer.step()
except Exception:
    optimizer.zero_grad()
"""
    trace = run(body, most_updates=5)
    assert (len(trace.updates), trace.cut) == (5, True)
    assert of(trace, Act.CLEAR) == []


def updates_of(body: str, **names: Any) -> tuple[Update, ...]:
    trace = run(body, **names)
    assert trace.failure is None, trace.failure
    return trace.updates


LOOP = """
for batch in range(3):
    optimizer.zero_grad()
    loss(model).backward()
    optimizer.step()
"""


def test_a_plain_loop_departs_nowhere() -> None:
    updates = updates_of("model = small(); optimizer = optim.Adam(model.parameters(), lr=0.01)" + LOOP)
    assert [each.number for each in updates] == [1, 2, 3]
    for each in updates:
        assert each.moved == ("model.0.bias", "model.0.weight", "model.1.bias", "model.1.weight")
        assert (each.frozen_moved, each.idle, each.meant, each.backwards, each.borrowed) == ((), (), (), 1, 0)
        assert each.rates == each.due_rates == (0.01,)
        assert each.gradient is not None
        assert each.gradient.absolute == 0.0
        assert each.arithmetic is not None
        assert each.arithmetic.relative < 1e-14
    assert 0 < updates[0].travelled < updates[2].travelled


def test_arithmetic_is_compared_with_the_reference() -> None:
    body = """
class Wrong(optim.SGD):
    pass
model = small(); optimizer = Wrong(model.parameters(), lr=0.1)
optimizer.register_step_post_hook(lambda o, a, k: [p.data.add_(1e-3) for p in model.parameters()])
"""
    assert all(each.arithmetic and each.arithmetic.absolute > 0.9e-3 for each in updates_of(body + LOOP))
    own = """
class Own(optim.Optimizer):
    def __init__(self, parameters):
        super().__init__(parameters, {"lr": 0.5})
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.data.sub_(group["lr"] * p.grad)
model = small(); optimizer = Own(model.parameters())
"""
    updates = updates_of(own + LOOP)
    assert [each.arithmetic for each in updates] == [None] * 3
    assert [len(each.moved) for each in updates] == [4] * 3
    assert [each.rates for each in updates] == [(0.5,)] * 3


def test_the_sum_of_gradients_is_not_what_is_due() -> None:
    body = "model = small(); optimizer = optim.SGD(model.parameters(), lr=0.1)" + LOOP.replace(
        "optimizer.zero_grad()", ""
    )
    first, second, third = updates_of(body)
    assert first.gradient is not None
    assert first.gradient.absolute == 0.0
    for each in (second, third):
        assert each.gradient is not None
        assert each.gradient.relative > 0.1
        assert each.backwards == 1


def test_two_networks_and_what_one_leaves_in_the_other() -> None:
    body = """
net_g, net_d = nn.Linear(3, 3), nn.Linear(3, 1)
optimizer_g, optimizer_d = optim.SGD(net_g.parameters(), lr=0.1), optim.SGD(net_d.parameters(), lr=0.1)
for batch in range(3):
    {clear}
    loss(net_d).backward()
    optimizer_d.step()
    optimizer_g.zero_grad()
    loss(net_g, net_d).backward()
    optimizer_g.step()
"""
    for each in updates_of(body.format(clear="optimizer_d.zero_grad()")):
        assert each.gradient is not None
        assert (each.gradient.absolute, each.backwards, each.borrowed, each.idle) == (0.0, 1, 0, ())
    of_d = [each for each in updates_of(body.format(clear="")) if each.row == 7]
    assert [each.borrowed for each in of_d] == [0, 1, 1]
    assert [each.gradient is not None and each.gradient.relative > 0 for each in of_d] == [False, True, True]


def test_each_accumulated_backward_counts() -> None:
    body = """
model = small(); optimizer = optim.SGD(model.parameters(), lr=0.1)
for batch in range(6):
    loss(model).backward()
    if batch % 3 == 2:
        optimizer.step()
        optimizer.zero_grad()
"""
    assert [each.backwards for each in updates_of(body)] == [3, 3]


def test_parameters_that_come_later() -> None:
    body = """
model = small()
model[0].requires_grad_(False)
optimizer = optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
for batch in range(6):
    if batch == 2:
        model[0].requires_grad_(True)
    if batch == 4:
        optimizer.add_param_group({"params": model[0].parameters(), "lr": 0.2})
    optimizer.zero_grad()
    loss(model).backward()
    optimizer.step()
"""
    trace = run(body)
    idle = ("model.0.bias", "model.0.weight")
    assert [each.idle for each in trace.updates] == [(), (), idle, idle, (), ()]
    assert [each.rates for each in trace.updates][3:5] == [(0.1,), (0.1, 0.2)]
    assert idle[0] in trace.updates[4].moved
    (unfreezing,) = of(trace, Act.UNFREEZE)
    assert unfreezing.parameters == idle
    assert unfreezing.outside == (1,) or unfreezing.outside == (2,)
    assert set(unfreezing.outside).isdisjoint(unfreezing.things)


def test_the_first_update_of_a_late_parameter_should_not_use_what_has_piled_up() -> None:
    body = """
model = small()
optimizer = optim.SGD(model[1].parameters(), lr=0.1)
for batch in range(4):
    if batch == 3:
        {clear}
        optimizer.add_param_group({{"params": model[0].parameters()}})
    model[1].zero_grad()
    loss(model).backward()
    optimizer.step()
"""
    piled, cleared = (updates_of(body.format(clear=clear))[-1].gradient for clear in ("pass", "model.zero_grad()"))
    assert piled is not None
    assert cleared is not None
    assert piled.relative > 0.1
    assert cleared.absolute == 0.0


def test_frozen_parameters_that_move_are_named() -> None:
    body = """
model = small(); optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for batch in range(3):
    if batch == 1:
        model[0].bias.requires_grad = False
        model[1].weight.requires_grads = False
    optimizer.zero_grad(set_to_none=False)
    loss(model).backward()
    optimizer.step()
"""
    updates = updates_of(body)
    named = ("model.0.bias", "model.1.weight")
    assert [each.frozen_moved for each in updates] == [(), named, named]


def test_a_slip_that_was_to_unfreeze_is_remembered_until_it_is_mended() -> None:
    body = """
model = small()
model[0].requires_grad_(False)
model[0].requires_grad = True
optimizer = optim.SGD(model.parameters(), lr=0.1)
for batch in range(2):
    optimizer.zero_grad()
    loss(model).backward()
    optimizer.step()
    model[0].requires_grad_(True)
"""
    assert [each.meant for each in updates_of(body)] == [("model.0.bias", "model.0.weight"), ()]


def test_an_own_flag_of_a_module_is_no_slip() -> None:
    body = """
class Net(nn.Module):
    requires_grad = False
model = Net()
model.requires_grad = True
model.gradual = True
"""
    assert of(run(body), Act.SET_ATTRIBUTE) == []


def test_replaced_parameters_are_others_of_the_same_name() -> None:
    body = """
model = small()
optimizer = optim.SGD(model.parameters(), lr=0.1)
model[1] = nn.Linear(2, 1)
model[0].weight = nn.Parameter(torch.zeros(2, 3))
model[1] = nn.Sequential(model[1], nn.Identity())
"""
    trace = run(body + LOOP)
    names = [each.parameters for each in of(trace, Act.REPLACE)]
    assert names == [("model.1.bias (2)", "model.1.weight (2)"), ("model.0.weight (2)",)]
    assert {name for each in trace.updates for name in each.idle} == {*names[0], *names[1]}
    assert trace.updates[0].moved == ("model.0.bias",)


def test_optimizers_rebuilt_in_a_loop_are_each_their_own() -> None:
    body = """
model = small()
for batch in range(30):
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    optimizer.zero_grad()
    loss(model).backward()
    optimizer.step()
"""
    trace = run(body)
    assert len({each.optimizer for each in trace.updates}) == 30
    assert all(each.gradient and each.gradient.absolute == 0 for each in trace.updates)
    assert all(len(each.things) == 1 for each in of(trace, Act.CLEAR, Act.BACKWARD, Act.STEP))


def test_two_optimizers_of_one_row_take_turns() -> None:
    body = """
model = small()
optimizers = [optim.SGD(model.parameters(), lr=rate) for rate in (0.1, 0.2)]
for batch in range(4):
    optimizer = optimizers[batch % 2]
    optimizer.zero_grad()
    loss(model).backward()
    optimizer.step()
"""
    trace = run(body)
    assert [each.rates for each in trace.updates] == [(0.1,), (0.2,)] * 2
    assert all(each.gradient and each.gradient.absolute == 0 for each in trace.updates)


@pytest.mark.parametrize("kind", ["LBFGS", "Adam", "SGD"])
@pytest.mark.parametrize("clears", [True, False])
def test_closures(kind: str, clears: bool) -> None:
    body = f"""
model = small()
optimizer = optim.{kind}(model.parameters(), lr=0.05)
def closure():
    {"optimizer.zero_grad()" if clears else "pass"}
    value = loss(model)
    value.backward()
    return value
for batch in range(3):
    optimizer.step(closure)
"""
    trace = run(body)
    assert [each.number for each in trace.updates] == [1, 2, 3]
    apart = [each.gradient is not None and each.gradient.relative > 1e-12 for each in trace.updates]
    assert apart == ([False] * 3 if clears else [kind == "LBFGS", True, True])
    assert [each.arithmetic is None for each in trace.updates] == [kind == "LBFGS"] * 3
    rows = {each.act: each.row for each in trace.happenings}
    assert (rows[Act.BACKWARD], rows[Act.STEP]) == (7, 10)


def test_a_closure_given_by_keyword_and_one_that_computes_nothing() -> None:
    body = """
model = small()
optimizer = optim.SGD(model.parameters(), lr=0.05)
for batch in range(3):
    optimizer.zero_grad()
    value = loss(model)
    value.backward()
    optimizer.step(closure=lambda: value)
"""
    for each in updates_of(body):
        assert each.gradient is not None
        assert each.gradient.absolute == 0
        assert each.moved


def test_a_scaler_unscales_what_is_due_and_may_leave_an_update_out() -> None:
    body = """
model = small(); optimizer = optim.SGD(model.parameters(), lr=0.1)
scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
for batch in range(3):
    optimizer.zero_grad()
    scaler.scale(loss(model) * (float("inf") if batch == 1 else 1.0)).backward()
    scaler.step(optimizer)
    scaler.update()
"""
    trace = run(body)
    assert [each.detail for each in of(trace, Act.STEP)] == ["", "skipped", ""]
    assert len(trace.updates) == 2
    assert all(each.gradient and each.gradient.relative < 1e-12 for each in trace.updates)
    assert of(trace, Act.UNSCALE) == []


def test_a_fused_optimizer_unscales_by_itself() -> None:
    body = """
model = small(); optimizer = optim.SGD(model.parameters(), lr=0.1, fused=True)
scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
for batch in range(3):
    optimizer.zero_grad()
    scaler.scale(loss(model)).backward()
    scaler.step(optimizer)
    scaler.update()
"""
    assert all(each.gradient and each.gradient.relative < 1e-7 for each in updates_of(body))


def test_clipping_by_an_iterator_that_is_used_up() -> None:
    body = """
model = small()
parameters = {made}
optimizer = optim.SGD(parameters, lr=0.1)
for batch in range(2):
    optimizer.zero_grad()
    loss(model).backward()
    clip.clip_grad_norm_(parameters, 0.01)
    optimizer.step()
"""
    for made in ("model.parameters()", "filter(None, map(lambda p: p, [*model.parameters()]))"):
        trace = run(body.format(made=made.replace("None", "lambda p: True")))
        clips = of(trace, Act.CLIP)
        assert all(each.apart and each.apart.relative == pytest.approx(1.0) for each in clips)
        assert all(each.gradient and each.gradient.relative > 1 for each in trace.updates)
        assert len(of(trace, Act.CONSUME)) == 4
    trace = run(body.format(made="[*model.parameters()]"))
    assert all(each.apart and each.apart.absolute < 1e-15 for each in of(trace, Act.CLIP))
    assert all(each.gradient and each.gradient.absolute == 0 for each in trace.updates)
    assert of(trace, Act.CONSUME) == []


def test_an_iterator_that_a_loop_has_used_up() -> None:
    body = """
model = small()
parameters = filter(lambda p: p.requires_grad, model.parameters())
count = sum(p.numel() for p in parameters)
optimizer = optim.SGD(parameters, lr=0.1)
"""
    trace = run(body)
    assert trace.failure is not None
    assert trace.failure.message == "optimizer got an empty parameter list"
    assert [each.detail for each in of(trace, Act.CONSUME)] == ["before", ""]
    assert [each.detail for each in of(trace, Act.NEW)] == ["failed"]


def test_gradients_by_hand_are_seen() -> None:
    body = """
model = nn.Linear(3, 1)
optimizer = optim.SGD(model.parameters(), lr=0.1)
for batch in range(2):
    model.weight.grad = torch.ones(1, 3)
    model.bias.grad = torch.zeros(1)
    optimizer.step()
    model.weight.grad.data.zero_()
    model.weight.grad.mul_(0.0)
    model.bias.grad = None
"""
    trace = run(body)
    acts = [(each.row, each.act, each.detail) for each in trace.happenings if each.updates == 1]
    assert acts[:2] == [(8, Act.CLEAR, "zero"), (10, Act.CLEAR, "")]
    assert all(each.gradient and each.gradient.absolute == 0 for each in trace.updates)
    assert all(each.by_hand for each in of(trace, Act.CLEAR, Act.SET_GRADIENT))


def test_a_rate_by_hand_is_seen() -> None:
    body = "model = small(); optimizer = optim.SGD(model.parameters(), lr=0.1)" + LOOP
    trace = run(body + "    optimizer.param_groups[0]['lr'] /= 2\n")
    assert [each.rates for each in trace.updates] == [(0.1,), (0.05,), (0.025,)]
    assert [each.due_rates for each in trace.updates] == [(0.1,), (0.05,), (0.025,)]
    assert len(of(trace, Act.SET_RATE)) == 2


def test_hooks_of_the_script_see_the_gradient_that_adds_up() -> None:
    body = """
model = nn.Linear(3, 1)
optimizer = optim.SGD(model.parameters(), lr=0.1)
model.weight.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.clone()))
for batch in range(2):
    loss(model).backward()
loss(model).backward(create_graph=True)
optimizer.step()
"""
    seen: list[Any] = []
    (update,) = updates_of(body, seen=seen)
    assert torch.allclose(seen[1], 2 * seen[0])
    assert torch.allclose(seen[2], 3 * seen[0])
    assert update.backwards == 3
    assert update.gradient is not None
    assert update.gradient.relative < 1e-14


def test_a_backward_that_raises_leaves_the_gradients() -> None:
    body = """
model = nn.Linear(3, 1)
optimizer = optim.SGD(model.parameters(), lr=0.1)
value = loss(model)
value.backward()
kept = model.weight.grad.clone()
try:
    value.backward()
except RuntimeError:
    pass
assert torch.equal(kept, model.weight.grad)
optimizer.step()
"""
    (update,) = updates_of(body)
    assert update.gradient is not None
    assert update.gradient.absolute == 0


def test_an_exception_in_a_step_that_is_caught() -> None:
    body = """
model = small(); optimizer = optim.SGD(model.parameters(), lr=0.1)
def bad():
    raise ValueError
for batch in range(3):
    optimizer.zero_grad()
    loss(model).backward()
    try:
        optimizer.step(bad if batch == 1 else None)
    except ValueError:
        pass
"""
    trace = run(body)
    assert trace.failure is None
    assert [each.number for each in trace.updates] == [1, 2]
    assert len(of(trace, Act.STEP)) == 3
    assert all(each.gradient and each.gradient.absolute == 0 for each in (trace.updates[0],))


def test_a_step_that_calls_that_of_its_base_is_one() -> None:
    body = """
class Mine(optim.SGD):
    def step(self, closure=None):
        return super().step(closure)
model = small()
optim.SGD(model.parameters(), lr=0.1)
optimizer = Mine(model.parameters(), lr=0.1)
"""
    assert len(updates_of(body + LOOP)) == 3


@pytest.mark.parametrize(
    ("statement", "kind", "words"),
    [
        ("optim.SGD(model, lr=0.1)", "TypeError", "one of the params is torch.nn"),
        ("optim.SGD(model.parameters(), learning_rate=0.1)", "TypeError", "unexpected keyword"),
        ("lr_scheduler.StepLR(optimizer, 2, verbose=True)", "TypeError", "unexpected keyword argument 'verbose'"),
        ("lr_scheduler.ReduceLROnPlateau(optimizer).step()", "TypeError", "missing 1 required positional"),
        ("optimizer.zero_grad(1, 2)", "TypeError", "positional argument"),
        ("clip.clip_grad_norm_(model.parameters())", "TypeError", "max_norm"),
        ("clip.clip_grad_norm_(model, 1.0)", "AttributeError", "grad"),
        ("torch.amp.GradScaler('cpu').step()", "TypeError", "missing 1 required positional argument"),
        ("model[0].weight.requires_grad = None", "RuntimeError", "bool"),
        ("optim.LBFGS(model.parameters()).step()", "TypeError", "closure"),
        ("model[0].weight.zero_(1)", "TypeError", "zero_"),
        ("model.to('nowhere')", "RuntimeError", "device"),
    ],
)
def test_errors_come_from_where_torch_is_called(statement: str, kind: str, words: str) -> None:
    trace = run("model = nn.ModuleList([nn.Linear(3, 1)]); optimizer = optim.SGD(model.parameters())\n" + statement)
    assert trace.failure is not None
    assert (trace.failure.kind, trace.failure.row, trace.failure.in_standin) == (kind, 2, False), trace.failure
    assert words in trace.failure.message


def test_what_schedulers_report_is_compared_with_the_rates() -> None:
    body = """
model = small(); optimizer = optim.SGD(model.parameters(), lr=0.1)
scheduler = lr_scheduler.ExponentialLR(optimizer, 0.5)
scheduler.get_lr()
scheduler.get_last_lr()
"""
    asked, last = of(run(body), Act.CALL)
    assert asked.apart is not None
    assert asked.apart.absolute == pytest.approx(0.05)
    assert last.apart is not None
    assert last.apart.absolute == 0


def test_inner_steps_of_a_composite_are_no_happenings() -> None:
    body = """
model = small(); optimizer = optim.SGD(model.parameters(), lr=0.1)
first, second = lr_scheduler.ConstantLR(optimizer), lr_scheduler.ExponentialLR(optimizer, 0.9)
sequence = lr_scheduler.SequentialLR(optimizer, [first, second], [2])
for epoch in range(4):
    optimizer.step()
    sequence.step()
"""
    trace = run(body)
    sequence = next(each for each in trace.things if each.name == "SequentialLR")
    assert [each.things for each in of(trace, Act.SCHEDULE)] == [(sequence.number,)] * 4
    assert len(sequence.children) == 2


def test_a_scheduler_class_of_the_script() -> None:
    body = """
class Halving(lr_scheduler.LRScheduler):
    def get_lr(self):
        return [base / 2 ** self.last_epoch for base in self.base_lrs]
model = small(); optimizer = optim.SGD(model.parameters(), lr=0.1)
scheduler = Halving(optimizer)
for epoch in range(3):
    optimizer.step()
    scheduler.step()
    {again}
"""
    trace = run(body.format(again="pass"))
    assert len(of(trace, Act.SCHEDULE)) == 3
    assert [each.due_rates for each in trace.updates] == [each.rates for each in trace.updates]
    trace = run(body.format(again="scheduler.step()"))
    assert [each.due_rates for each in trace.updates] == [(0.1,), (0.05,), (0.025,)]
    assert [each.rates for each in trace.updates] == [(0.1,), (0.025,), (0.00625,)]


def test_moves_tell_whether_something_moved() -> None:
    body = """
model = small()
optimizer = optim.SGD(model.parameters())
model.cpu()
model.to("cpu")
model.to(torch.float32)
model.to("meta")
"""
    trace = run(body)
    assert [each.detail for each in of(trace, Act.MOVE)] == ["cpu in place", "cpu in place", "to", "to"]
    assert of(trace, Act.REPLACE)[0].row == 7  # the meta device takes new parameters


def test_updates_on_the_meta_device_have_no_values() -> None:
    body = """
model = small().to("meta"); optimizer = optim.SGD(model.parameters(), lr=0.1)
for batch in range(2):
    optimizer.zero_grad()
    model(torch.ones(4, 3, device="meta")).sum().backward()
    optimizer.step()
"""
    trace = run(body)
    assert trace.failure is None
    assert [(each.gradient, each.travelled) for each in trace.updates] == [(None, 0.0)] * 2
    assert [len(each.moved) for each in trace.updates] == [4, 4]  # that they were written to is seen all the same
    assert trace.device == "meta"


def test_names_of_attributes_lists_and_copies() -> None:
    body = """
import copy
class Trainer:
    def __init__(self):
        self.net = small()
        self.optimizer = optim.SGD(self.net.parameters(), lr=0.1)
    def step(self):
        self.optimizer.zero_grad()
        loss(self.net).backward()
        self.optimizer.step()
trainer = Trainer()
trainer.step()
weights = torch.ones(3, requires_grad=True)
nets = [nn.Linear(3, 1), nn.Linear(3, 1)]
twin = copy.deepcopy(nets[0])
optimizers = [optim.SGD([weights], lr=0.1), optim.SGD([*nets[1].parameters(), *twin.parameters()], lr=0.1)]
(weights.sum() + loss(nets[1]) + loss(twin)).backward()
for optimizer in optimizers:
    optimizer.step()
"""
    trace = run(body)
    assert [each.moved for each in trace.updates] == [
        ("self.net.0.bias", "self.net.0.weight", "self.net.1.bias", "self.net.1.weight"),
        ("weights",),
        ("nets[1].bias", "nets[1].weight", "twin.bias", "twin.weight"),
    ]
    labels = [each.label for each in trace.things if each.kind is Kind.OPTIMIZER]
    assert labels[0] == "self.optimizer"
    assert set(labels[1:]) <= {"optimizer", "optimizers[0]", "optimizers[1]"}


def test_acts_tell_the_numbers_that_they_are_given() -> None:
    trace = run(
        """
model = small()
optimizer = optim.SGD(model.parameters(), lr=0.1)
scheduler = lr_scheduler.StepLR(optimizer, 1)
loss(model).backward()
clip.clip_grad_norm_(model.parameters(), 0.5, norm_type=1.0)
clip.clip_grad_value_(model[0].bias, 0.25)
optimizer.step()
scheduler.step(3)
scheduler.step()
"""
    )
    assert [each.given for each in of(trace, Act.CLIP)] == [(0.5, 1.0), (0.25,)]
    names = [each.parameters for each in of(trace, Act.CLIP)]
    assert names == [("model.0.bias", "model.0.weight", "model.1.bias", "model.1.weight"), ("model.0.bias",)]
    assert [each.given for each in of(trace, Act.SCHEDULE)] == [(3.0,), ()]


def test_groups_are_told_as_they_were_given() -> None:
    trace = run(
        """
model = small()
optimizer = optim.SGD(
    [{"params": model[0].parameters(), "momentum": 0.5, "lr": 0.3}, {"params": [model[1].weight]}],
    lr=0.1, momentum=0.9, foreach=False,
)
scheduler = lr_scheduler.OneCycleLR(optimizer, 0.4, total_steps=4)
optimizer.add_param_group({"params": [model[1].bias], "weight_decay": 0.1, "initial_lr": 0.1})
"""
    )
    assert trace.things[0].groups == (
        Group(2, "momentum=0.5", rate=0.3),
        Group(1, "", rate=0.1),
        Group(1, "weight_decay=0.1", rate=0.1),
    )


REPLACING = """
model, other = small(), small()
optimizer = optim.SGD(model.parameters(), lr=0.1)
{early}
for batch in range(2):
    optimizer.zero_grad()
    loss(model).backward()
    optimizer.step()
    {late}
"""


def test_parameters_begin_where_the_first_backward_finds_them() -> None:
    plain = run(REPLACING.format(early="", late=""))
    assert {each.name for each in plain.starts} == {f"model.{i}.{name}" for i in (0, 1) for name in ("weight", "bias")}
    assert {each.updates for each in plain.starts} == {0}
    assert (plain.formers, plain.taken) == ((), ())
    ones = run(REPLACING.format(early="nn.init.ones_(model[1].weight)", late=""))
    assert [(each.shape, each.size) for each in ones.starts if each.name == "model.1.weight"] == [((1, 2), 2**0.5)]


@pytest.mark.parametrize(
    ("early", "names"),
    [
        ("model[1] = nn.Linear(2, 1)", {"model.1.weight", "model.1.bias"}),
        ("model[0].bias = nn.Parameter(torch.zeros(2))", {"model.0.bias"}),
        ("model[1].load_state_dict(other[1].state_dict())", {"model.1.weight", "model.1.bias"}),
        ("other[1] = nn.Linear(2, 1)", set()),
    ],
)
def test_what_is_replaced_or_overwritten_is_kept_in_mind(early: str, names: set[str]) -> None:
    plain = {each.name: each.size for each in run(REPLACING.format(early="", late="")).starts}
    trace = run(REPLACING.format(early=early, late=""))
    assert {each.name: each.size for each in trace.formers} == {name: plain[name] for name in names}
    assert {name.removesuffix(" (2)") for name in trace.taken if name.startswith("model")} == names


def test_what_takes_a_place_before_any_optimizer_is_told_too() -> None:
    trace = run("model = small()\nmodel[1] = nn.Linear(2, 1)\n" + REPLACING.format(early="", late="").split("\n", 2)[2])
    assert trace.taken == ("model.1.bias", "model.1.weight")
    assert trace.formers == ()


def test_what_a_constructor_makes_takes_no_place() -> None:
    trace = run(
        """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 1)

    def forward(self, values):
        return self.fc(values)

net = Net()
net.fc = nn.Linear(3, 1)
"""
    )
    assert trace.taken == ("net.fc.bias", "net.fc.weight")
    assert run("net = small()\nnet.add_module('2', nn.Linear(1, 1))").taken == ()


def test_a_closure_that_gives_no_gradient_is_counted() -> None:
    body = """
model = small()
optimizer = optim.LBFGS(model.parameters(), max_iter=1)
def closure():
    optimizer.zero_grad()
    value = loss(model)
    value.backward()
    return value
value = closure()
optimizer.step({closure})
"""
    assert [each.stale for each in run(body.format(closure="closure")).updates] == [0]
    assert [each.stale for each in run(body.format(closure="lambda: value")).updates] == [1]


MEANT_BODY = """
model = small()
vectors = [p for p in model.parameters() if p.ndim == 1]
for vector in vectors: vector.requires_grad = False
parameters = (p for p in model.parameters())
first = optim.SGD(model, lr=0.1)
second = optim.Muon(model.parameters(), lr=0.1)
scheduler = lr_scheduler.StepLR(first, 1, verbose=True)
third = optim.LBFGS([model[0].weight])
third.step()
"""


@pytest.mark.parametrize("hook", hooks_meant.HOOKS)
def test_without_a_hook_for_what_is_meant_the_trace_is_another(hook: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(MEANT_BODY, as_meant=True)
    assert whole.failure is None
    monkeypatch.setattr(hooks_meant, "HOOKS", {key: value for key, value in hooks_meant.HOOKS.items() if key != hook})
    assert run(MEANT_BODY, as_meant=True).failure is not None


WALKED = """
weights = torch.zeros(4, requires_grad=True)
optimizer = optim.SGD([weights], lr=0.5)
scheduler = lr_scheduler.StepLR(optimizer, 1, 0.5)
for batch in range(3):
    {first}
    weights.sum().backward()
    optimizer.step()
    {last}
"""


@pytest.mark.parametrize(
    ("first", "last", "ways", "due"),
    [
        ("optimizer.zero_grad()", "", [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
        ("", "", [1.0, 3.0, 6.0], [1.0, 2.0, 3.0]),  # the gradient adds up
        ("optimizer.zero_grad(); scheduler.step()", "", [0.5, 0.75, 0.875], [1.0, 1.5, 1.75]),
        ("optimizer.zero_grad()", "scheduler.step(); scheduler.step()", [1.0, 1.25, 1.3125], [1.0, 1.5, 1.75]),
        ("", "scheduler.step()", [1.0, 2.0, 2.75], [1.0, 1.5, 1.75]),
    ],
)
def test_the_way_that_is_due_goes_beside(first: str, last: str, ways: list[float], due: list[float]) -> None:
    updates = run(WALKED.format(first=first, last=last)).updates
    assert [each.travelled for each in updates] == pytest.approx(ways, rel=1e-12)
    assert [each.travelled_reference for each in updates] == pytest.approx(due, rel=1e-12)


def test_the_way_that_is_due_goes_on_from_the_state_of_the_optimizer() -> None:
    body = """
model = small()
optimizer = optim.Adam(model.parameters(), lr=0.1)
for batch in range(5):
    {clear}
    (model[0].weight.sum() * 3 + model[0].bias.sum()).backward()
    optimizer.step()
"""
    right = run(body.format(clear="optimizer.zero_grad()")).updates
    late = run(body.format(clear="optimizer.zero_grad() if batch < 3 else None")).updates
    assert [each.travelled_reference for each in late] == pytest.approx([each.travelled for each in right], rel=1e-12)
    assert late[4].travelled != pytest.approx(right[4].travelled, rel=1e-6)


def test_where_there_is_no_reference_no_way_is_due() -> None:
    body = """
class Own(optim.SGD):
    def step(self, closure=None):
        return super().step(closure)

model = small()
optimizer = Own(model.parameters(), lr=0.1)
loss(model).backward()
optimizer.step()
"""
    assert [each.travelled_reference for each in run(body).updates] == [None]
