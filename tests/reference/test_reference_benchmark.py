from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch", reason="the benchmark is of torch.optim")

import torch

from optlint.reference.updates import CLOSURE_RULES, RULES
from reference_contestants import REFERENCE, SUBJECTS, Subject, contestants, parameters_and_gradients, step_of
from reference_tables import markdown


def test_every_class_with_a_reference_is_measured() -> None:
    assert {subject.optimizer for subject in SUBJECTS} == {*RULES, *CLOSURE_RULES}


@pytest.mark.parametrize(
    "subject", [each for each in SUBJECTS if each.optimizer in RULES], ids=lambda each: each.optimizer
)
def test_the_contestants_compute_the_same(subject: Subject) -> None:
    results = {}
    for contestant in contestants(subject):
        parameters, gradients = parameters_and_gradients(subject, "cpu", 2)
        step = step_of(subject, contestant, parameters, gradients)
        step()
        step()
        results[contestant] = [parameter.detach() for parameter in parameters]
    for other in results.values():
        for one, two in zip(results[REFERENCE], other, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-6)


def test_lbfgs_goes_on_as_long_as_it_is_measured() -> None:
    (subject,) = (each for each in SUBJECTS if each.optimizer == "LBFGS")
    for contestant in contestants(subject):
        step = step_of(subject, contestant, *parameters_and_gradients(subject, "cpu", 2))
        for _ in range(20):
            step()
        held: list[Any] = [each.cell_contents for each in step.__closure__ or ()]
        iterations = (
            next(each for each in held if isinstance(each, list))[1].n_iter
            if contestant == REFERENCE
            else next(each for each in held if isinstance(each, torch.optim.LBFGS)).state_dict()["state"][0]["n_iter"]
        )
        assert iterations == 20 * subject.options["max_iter"]


def test_the_table_says_which_target_is_reached() -> None:
    def result(slower: float, larger: float) -> dict[str, Any]:
        return {
            "options": {"lr": 0.1},
            "time": {"rounds": 3, "reference": slower, "single-tensor": 1.0},
            "peak": {"reference": larger * 2**20, "single-tensor": 2**20},
            "resident": {"reference": 2**20, "single-tensor": 2**20},
        }

    text = markdown(
        {
            "python": "3.11",
            "torch": "2.13",
            "cores": 2,
            "threads": 2,
            "tensors": 3,
            "shape": (2, 2),
            "devices": {"cpu": "some"},
            "classes": {"cpu": {"Fast": result(1.4, 1.2), "Slow": result(1.6, 1.0), "Large": result(1.0, 1.3)}},
        }
    )
    reached = {line.split(" | ")[0].strip("| "): line.split(" | ")[3] for line in text.splitlines() if "| 3 |" in line}
    assert reached == {"Fast": "yes", "Slow": "no", "Large": "no"}
