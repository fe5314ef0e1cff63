"""How long a schedule is told to be, and how often the loops around its step run, by the wording of a text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import libcst as cst

from mutate.idioms import Idioms, Made

_LENGTHS = {
    "StepLR": ("step_size", 1),
    "MultiStepLR": ("milestones", 1),
    "CosineAnnealingLR": ("T_max", 1),
    "PolynomialLR": ("total_iters", 1),
    "OneCycleLR": ("total_steps", 2),
    "CyclicLR": ("step_size_up", 3),
    "LinearLR": ("total_iters", 3),
    "ConstantLR": ("total_iters", 2),
}
_NAME = r"[A-Za-z_][\w.]*"
_ENDS_EARLY = cst.Break | cst.Continue | cst.Return | cst.Raise


def length_of(idioms: Idioms, made: Made) -> cst.BaseExpression | None:
    """Return what a scheduler is told of its length."""
    name, at = _LENGTHS.get(made.kind, ("", 0))
    found = idioms.argument(made.call, name)
    if found is not None:
        return found.value
    places = [each for each in made.call.args if each.keyword is None]
    return places[at].value if at and len(places) > at else None


def length_text(idioms: Idioms, made: Made) -> str:
    """Return the text of it, or nothing."""
    length = length_of(idioms, made)
    return "" if length is None else idioms.tree.code(length)


def counts_rounds(idioms: Idioms, made: Made, loop: cst.For | cst.While) -> bool:
    """Whether the text of a length says that it counts the rounds of a loop: by the same name, or by a part of it."""
    rounds, text = rounds_of(idioms, loop), length_text(idioms, made)
    if not rounds or not text or "len(" in text:
        return False
    if rounds.isdecimal():
        return bool(re.fullmatch(r"[\d, \[\]()]+", text)) and all(
            0 < int(each) <= int(rounds) for each in re.findall(r"\d+", text)
        )
    product = re.search(rf"\* *{_NAME}|{_NAME} *\*", text)
    return re.search(rf"(?<![\w.]){re.escape(rounds)}(?![\w.])", text) is not None and product is None


def other_lengths(idioms: Idioms, made: Made, loops: Sequence[cst.For | cst.While]) -> Iterator[str]:
    """Yield wrong lengths of a schedule whose length is that of all rounds of the loops around its step."""
    text = length_text(idioms, made)
    if made.kind not in ("CosineAnnealingLR", "PolynomialLR", "OneCycleLR") or any(map(_ends_early, loops)):
        return
    counts = [rounds_of(idioms, loop) for loop in loops]
    if "" in counts or not counts:
        return
    factors = [each.strip() for each in text.split("*")]
    if len(counts) == 1 and text == counts[0]:
        yield from other_numbers(number_of(idioms, text))
    elif len(counts) == 2 and sorted(factors) == sorted(counts):
        # A cosine for each epoch is one of many cycles.
        yield from (each for each in counts if made.kind != "CosineAnnealingLR" or not each.startswith("len("))


def other_numbers(number: int) -> Iterator[str]:
    """Yield numbers that are far enough from one; half a cosine, and several, are done on purpose."""
    if number > 3:
        yield str(number - number // 3)
        yield str(4 * number)


def rounds_of(idioms: Idioms, loop: cst.For | cst.While) -> str:
    """Return the text of how many rounds a loop has, or nothing where it does not say."""
    if isinstance(loop, cst.While):
        return _rounds_of_while(idioms, loop)
    text = idioms.tree.code(loop.iter)
    counted = re.fullmatch(rf"t?range\((\d+|{_NAME})\)", text)
    listed = re.fullmatch(rf"(?:enumerate\()?({_NAME})\)?", text)
    if counted:
        return counted[1]
    return f"len({listed[1]})" if listed else ""


def _rounds_of_while(idioms: Idioms, loop: cst.While) -> str:
    """Return up to what a name is counted from 0, one each round, or nothing."""
    counted = re.fullmatch(rf"(\w+) < (\d+|{_NAME})", idioms.tree.code(loop.test))
    if counted is None:
        return ""
    name = counted[1]
    adds = re.findall(rf"(?m)^( *){name} \+= 1$", idioms.tree.code(loop.body))
    begins = re.search(rf"(?m)^ *{name} = 0$", idioms.tree.text) is not None
    return counted[2] if len(adds) == 1 and begins else ""


def batches_in(idioms: Idioms, loop: cst.For | cst.While) -> str:
    """Return the text of how many rounds a loop has of which none is left out, or nothing."""
    return "" if _ends_early(loop) else rounds_of(idioms, loop)


def _ends_early(loop: cst.For | cst.While) -> bool:
    """Whether a loop may skip some of its rounds."""
    pending: list[cst.CSTNode] = [loop]
    while pending:
        node = pending.pop()
        if isinstance(node, _ENDS_EARLY):
            return True
        pending.extend(node.children)
    return False


def number_of(idioms: Idioms, text: str) -> int:
    """Return a number that is written, or that the program gives a name once; else 0."""
    if text.isdecimal():
        return int(text)
    option = text.rpartition(".")[2]
    default = re.findall(rf'"--{re.escape(option)}"[^\n]*default=(\d+)', idioms.whole)
    if text.startswith("args.") and len(default) == 1:
        return int(default[0])
    given = re.findall(rf"(?m)^ *{re.escape(text)} *= *(.+)$", idioms.whole)
    return int(given[0]) if len(given) == 1 and given[0].strip().isdecimal() else 0
