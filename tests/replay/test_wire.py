"""What goes through the pipe comes out as it went in, whatever the fields of a trace are by now."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optlint.program.events import Act
from optlint.replay.trace import Apart, Failure, Happening, Trace
from optlint.replay.wire import Job, job_from_json, job_to_json, to_json, trace_from_json

quick = settings(derandomize=True, deadline=None, max_examples=60)


def through_the_pipe(data: Any) -> Any:
    return json.loads(json.dumps(data, allow_nan=False))


@quick
@given(st.from_type(Trace))
def test_every_field_of_a_trace_survives(trace: Trace) -> None:
    assert repr(trace_from_json(through_the_pipe(to_json(trace)))) == repr(trace)  # nan is not equal to itself


@quick
@given(st.from_type(Job))
def test_every_field_of_a_job_survives(job: Job) -> None:
    assert job_from_json(through_the_pipe(job_to_json(job))) == job


def bare(**changes: Any) -> Trace:
    return dataclasses.replace(Trace((), (), (), None, False, "cpu", "2.13.0"), **changes)


@pytest.mark.parametrize("value", [math.inf, -math.inf, -0.0, 5e-324, 0.1 + 0.2, 1.7976931348623157e308, 1.0])
def test_a_float_survives_to_the_last_bit(value: float) -> None:
    happening = Happening(Act.CALL, 1, (), 0, apart=Apart(value, 0.0, 0.0))
    trace = trace_from_json(through_the_pipe(to_json(bare(happenings=(happening,)))))
    apart = trace.happenings[0].apart
    assert apart is not None
    assert apart.absolute.hex() == value.hex()


def test_nan_stays_nan() -> None:
    happening = Happening(Act.CALL, 1, (), 0, apart=Apart(math.nan, 0.0, 0.0))
    apart = trace_from_json(through_the_pipe(to_json(bare(happenings=(happening,))))).happenings[0].apart
    assert apart is not None
    assert math.isnan(apart.absolute)


def test_a_version_that_is_a_text_of_a_class_of_its_own_becomes_a_text() -> None:
    class Version(str):
        pass

    assert type(to_json(bare(torch=Version("2.13.0")))["torch"]) is str


def broken(**changes: Any) -> dict[str, Any]:
    return {**to_json(bare(failure=Failure("ValueError", "no", 3, False))), **changes}


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        broken(version=0),
        broken(device=3),
        broken(cut=0),
        broken(updates={}),
        broken(happenings=[[]]),
        broken(failure={}),
        broken(failure={"kind": "ValueError", "message": "no", "row": "3", "in_standin": False}),
        broken(extra=1),
    ],
)
def test_what_is_no_trace_is_refused(data: Any) -> None:
    with pytest.raises(ValueError):
        trace_from_json(data)
