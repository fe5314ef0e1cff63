"""Whether a script says itself on which device its things are."""

from __future__ import annotations

import ast

_SAYING = frozenset(("cuda", "xpu", "mps", "cpu", "to", "to_empty"))
"""Methods that move."""
_DTYPES = frozenset(
    "float16 float32 float64 bfloat16 half float double long int bool int8 int16 int32 int64 uint8 dtype".split()
)


def places_itself(body: str) -> bool:
    """Whether a script makes or moves anything on a device that it names.

    Then it is left to do so, and what it leaves on the processor stays there: that is what a move after the making of
    an optimizer is about. All that another script makes is made on the device that is asked for.
    """
    return any(_speaks_of_a_device(node) for node in ast.walk(ast.parse(body)))


def _speaks_of_a_device(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(attr="to"), args=[ast.Attribute(attr=name)]) if name in _DTYPES:
            return False
        case ast.Call(func=ast.Attribute(attr=name)):
            return name in _SAYING
        case ast.keyword(arg="device"):
            return True
    return False
