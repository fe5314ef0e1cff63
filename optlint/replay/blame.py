"""Which exceptions say nothing of the code: what stands in for things, or the device, may have caused them."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from optlint.replay.script import ReplayScript
from optlint.replay.shapes import is_told_by_shapes
from optlint.replay.trace import Trace
from optlint.replay.wire import Outcome
from optlint.torch_api.tables import tables

_STRUCTURAL = (
    "non-leaf",
    "empty parameter list",
    "more than one parameter group",
    "same size",
    "total steps",
    "param_groups[",
    "inf checks",
    "_scale is None",
    "since the last update()",
    "called after step()",
    "must support momentum or beta1",
    "lr_lambdas, but got",
    "same length as optimizer.param_groups",
    "min_lrs, got",
    "the number of milestone points",
    "does not support `ReduceLROnPlateau`",
    "to belong to the same optimizer",
)
"""What torch complains of that is a matter of structure, and not of a number that stands in."""
_OF_GROUPS = re.compile(
    r"^zip\(\) argument 2 is (shorter|longer)|^'(max_lr|swa_lr|initial_lr)'$|param groups in the `optim"
)
"""What a scheduler complains of in its step where it does not know a group."""
_GROUP_FOR_PARAMETER = "'dict' object has no attribute 'grad'"
"""What a clipping complains of that is given the groups of an optimizer, which are dicts whatever stands in."""
_OF_VALUES = (
    "ValueError",
    "IndexError",
    "KeyError",
    "ZeroDivisionError",
    "StopIteration",
    "UnboundLocalError",
    "OverflowError",
    "AssertionError",
)
_OF_PLAIN_VALUES = re.compile(
    r"^'(float|int|bool|NoneType|str|list|tuple|dict|set|range|function|type|module)' object (is|does|has|cannot)"
    r"|^object of type '|unsupported operand type|not supported between instances|cannot unpack|values to unpack"
    r"|must be (str|a number|real number|int)|invalid combination of arguments"
    r"|^(zeros|ones|empty|full|rand\w*|arange|eye)\(\) (takes|received)"
    r"|issubclass\(\) arg|^catching classes that|backward through the graph a second time"
)
"""What Python complains of where a stand-in is of another kind than the code expects."""
_WITHOUT_LENGTH = re.compile(r"^object of type '(\w+LR|SGD|Adam\w*|RMSprop)' has no len\(\)")
_OF_SIZES = re.compile(
    r"shapes cannot be multiplied|(?i:sizes?) (mismatch|of tensors must match)|must match the (existing )?size"
    r"|is invalid for input of size|to have \d+ channels|expected input with shape|should contain \d+ elements"
    r"|match the broadcast shape|assign a gradient of size"
    r"|out of (range in self|bounds for dimension)|inconsistent tensor size"
)
"""What torch complains of where a size is made up, or cut down with a large model."""
_OF_ARGUMENTS = re.compile(
    r"got an unexpected keyword argument '(?P<name>\w+)'|multiple values for (keyword )?argument"
    r"|required (positional|keyword-only) argument|positional arguments? but"
)
_STARRED = re.compile(r"[(,]\s*\*")
"""Rows that hand on what may be a stand-in for any number of arguments."""
_OF_MADE = re.compile(
    r"^'(?P<made>SGD|StepLR)' object has no attribute '(?!print_lr')"
    r"|^(?P<owner>Optimizer|SGD|LRScheduler|StepLR)\.(?!__init__\()\w+\(\) (got|takes|missing)"
)
"""What the optimizers and schedulers that stand for those of others have not."""
_REFUSAL = re.compile(r"\s*(raise|assert)\b")
"""Rows with which code refuses what it was given."""


def blamed(outcome: Outcome, script: ReplayScript) -> Outcome:
    """Say that an exception tells nothing.

    That is one in a row of no file, one that a stand-in's value may have caused, and one of the device itself.
    """
    if not isinstance(outcome, Trace) or outcome.failure is None:
        return outcome
    failure = outcome.failure
    of_device = failure.kind == "AcceleratorError" or "CUDA error" in failure.message
    if of_device or (outcome.shapes_only and not is_told_by_shapes(outcome)):
        return replace(outcome, failure=replace(failure, in_standin=True))
    if not failure.row:
        return outcome
    is_own_row = script.origins[failure.row - 1] is not None
    row = script.body.split("\n")[failure.row - 1]
    is_structural = any(part in failure.message for part in _STRUCTURAL) or (
        ".step(" in row and _OF_GROUPS.search(failure.message) is not None
    )
    is_structural = is_structural or (".param_groups" in row and failure.message == _GROUP_FOR_PARAMETER)
    is_structural = is_structural or _is_of_composition(failure.message, row, script.body)
    is_of_a_value = not (is_structural or _is_written_out(row)) and (
        failure.kind in _OF_VALUES
        or _OF_PLAIN_VALUES.search(failure.message) is not None
        or _REFUSAL.match(row) is not None
        or _is_of_arguments(failure.message, row, script.body)
        or _is_of_what_was_made(failure.message, script.body)
    )
    is_of_a_size = not is_structural and _OF_SIZES.search(failure.message) is not None
    if is_own_row and not is_of_a_size and not (is_of_a_value and "standin." in script.body):
        return outcome
    return replace(outcome, failure=replace(failure, in_standin=True))


def _is_of_composition(message: str, row: str, body: str) -> bool:
    """Whether a schedule of several is given a scheduler or an optimizer of torch where a list belongs."""
    composite = "ChainedScheduler(" in row or "SequentialLR(" in row
    found = _WITHOUT_LENGTH.search(message)
    if found is None or not composite:
        return False
    makers = {"StepLR": "standin.scheduler(", "SGD": "standin.optimizer("}
    return found[1] not in makers or makers[found[1]] not in body


def _is_written_out(row: str) -> bool:
    """Whether a row makes a scheduler of an optimizer and of literals alone."""
    try:
        [statement] = ast.parse(row.strip()).body
    except (SyntaxError, ValueError):
        return False
    call = getattr(statement, "value", None)
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute | ast.Name):
        return False
    name = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id
    given = [*call.args[1:], *(each.value for each in call.keywords)]
    return name in tables().schedulers and bool(given) and all(map(_is_literal, given))


def _is_literal(node: ast.expr) -> bool:
    inner = node.operand if isinstance(node, ast.UnaryOp) else node
    return isinstance(inner, ast.Constant)


def _is_of_arguments(message: str, row: str, body: str) -> bool:
    """Whether a call was given arguments that a stand-in made up; those that the code writes out are its own."""
    found = _OF_ARGUMENTS.search(message)
    if found is None or _STARRED.search(row) is None:
        return False
    return found["name"] is None or re.search(rf"\b{found['name']}=", body) is None


def _is_of_what_was_made(message: str, body: str) -> bool:
    """Whether an optimizer or a scheduler that stands for one of another package lacks what that may have."""
    found = _OF_MADE.search(message)
    if found is None:
        return False
    maker = "optimizer" if (found["made"] or found["owner"]) in ("SGD", "Optimizer") else "scheduler"
    return f"standin.{maker}(" in body
