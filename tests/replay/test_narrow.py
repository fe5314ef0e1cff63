from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="updates are made")

from optlint.replay.finite import not_finite, untried, without_eps
from optlint.replay.trace import Kind, Trace
from replay_running import run


def updated(optimizer: str, dtype: str = "float16") -> Trace:
    return run(f"""
weights = torch.ones(3, dtype=torch.{dtype}, requires_grad=True)
optimizer = optim.{optimizer}
for _ in range(2):
    optimizer.zero_grad()
    weights.sum().backward()
    optimizer.step()
""")


def optimizers(trace: Trace) -> frozenset[int]:
    return frozenset(each.number for each in trace.things if each.kind is Kind.OPTIMIZER)


@pytest.mark.parametrize("name", ["Adam", "AdamW", "RMSprop", "Adagrad", "Adamax", "NAdam"])
def test_the_usual_eps_is_lost_in_float16(name: str) -> None:
    trace = updated(f"{name}([weights], lr=0.01)")
    [departure] = not_finite(trace, optimizers(trace))
    assert departure.update == 1
    assert departure.words == f"update 1, by `{name}`, makes nan of a parameter of float16 whose gradient is zero"


@pytest.mark.parametrize(
    "optimizer",
    ["Adam([weights], eps=1e-4)", "AdamW([weights], fused=True)", "SGD([weights], lr=0.1)", "RAdam([weights])"],
)
def test_what_bears_float16_stays_finite(optimizer: str) -> None:
    trace = updated(optimizer)
    assert list(not_finite(trace, optimizers(trace))) == []
    assert untried(trace, optimizers(trace)) == ""


def test_bfloat16_holds_the_usual_eps() -> None:
    trace = updated("Adam([weights])", "bfloat16")
    assert [each.narrow for each in trace.things if each.kind is Kind.OPTIMIZER] == ["bfloat16"]
    assert list(not_finite(trace, optimizers(trace))) == []


def test_of_wide_parameters_nothing_is_said() -> None:
    trace = updated("Adam([weights])", "float32")
    assert "narrow" in untried(trace, optimizers(trace))


def test_trying_it_leaves_no_trace() -> None:
    trace = updated("Adam([weights], lr=0.01)")
    assert len(optimizers(trace)) == 1
    assert len(trace.updates) == 2


def test_options_are_compared_without_eps() -> None:
    assert without_eps("betas=(0.9, 0.999), eps=1e-08, lr=0.1") == without_eps("betas=(0.9, 0.999), eps=0.1, lr=0.1")
    assert without_eps("eps=1e-08, lr=0.1") != without_eps("eps=1e-08, lr=0.2")
