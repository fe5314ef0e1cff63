"""Which attributes a replay takes for slips of `requires_grad`."""

from __future__ import annotations

import pytest

from optlint.replay.slips import is_slip


@pytest.mark.parametrize(
    "name", ["require_grad", "requires_grads", "requires_grad_", "requiresGrad", "requires_gard", "need_grad"]
)
def test_names_near_the_attribute_are_slips_of_it(name: str) -> None:
    assert is_slip(name)


@pytest.mark.parametrize("name", ["requires_grad", "grad", "grad_fn", "_requires_grad", "required_shape", "gradient"])
def test_the_attribute_itself_and_others_are_none(name: str) -> None:
    assert not is_slip(name)
