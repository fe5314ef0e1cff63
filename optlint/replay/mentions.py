"""What names and questions about classes were found to be, where a finding is about them.

A class that torch keeps as an empty subclass of another (`_LRScheduler`) is meant as that one by whoever writes it:
`isinstance` answers otherwise, and any other use is as good. A replay hears of both (`Act.MENTION`).
"""

from __future__ import annotations

from collections.abc import Sequence

from optlint.program.events import Act
from optlint.replay.trace import Happening, Trace
from optlint.replay.verdict import Departure

_QUESTION = "isinstance "
_WRONG = ", although "


def wrong_answers(trace: Trace, rows: Sequence[int]) -> list[Departure]:
    """Where `isinstance` of a flagged row denies a scheduler to be what was meant."""
    found = (each for each in _mentions(trace, rows) if each.detail.startswith(_QUESTION) and _WRONG in each.detail)
    return [
        Departure("type", each.updates + 1, each.row, 0.0, 0.0, f"`{each.detail.replace(_WRONG, '`' + _WRONG, 1)}")
        for each in found
    ]


def is_answered(original: Trace, fixed: Trace, rows: Sequence[int], fixed_rows: Sequence[int]) -> bool:
    """Whether the flagged rows of the fixed code name what those of the original one do, or ask the right question.

    That is one about the same classes, with the answer that was due.
    """
    before, after = _mentions(original, rows), _mentions(fixed, fixed_rows)
    asked = [each for each in after if each.detail.startswith(_QUESTION)]
    if asked:
        questions = [each for each in before if each.detail.startswith(_QUESTION)]
        right = not any(_WRONG in each.detail for each in asked) and any(_due(each)[1] for each in asked)
        return right and {_due(each) for each in questions} == {_due(each) for each in asked}
    return bool(after) and {each.detail for each in after} == {each.detail for each in before}


def is_asked_in_vain(trace: Trace, rows: Sequence[int]) -> bool:
    """Whether the questions of the flagged rows are about values that are no schedulers: that shows nothing."""
    found = _mentions(trace, rows)
    return bool(found) and all(each.detail.startswith(_QUESTION) and not _due(each)[1] for each in found)


def _due(question: Happening) -> tuple[tuple[str, ...], bool]:
    """The classes that a question asks for, and the answer that is due."""
    answer = question.detail.startswith(f"{_QUESTION}True")
    return question.parameters, answer != (_WRONG in question.detail)


def renamed(original: Trace, fixed: Trace, rows: Sequence[int], fixed_rows: Sequence[int]) -> Departure | None:
    """The first name in the flagged rows of the fixed code that stands for something else than as written."""
    before = [each.detail for each in _mentions(original, rows) if not each.detail.startswith(_QUESTION)]
    for each in _mentions(fixed, fixed_rows):
        if before and not each.detail.startswith(_QUESTION) and each.detail not in before:
            words = f"row {each.row} of the fixed code names `{each.detail}`, and `{before[0]}` as written"
            return Departure("type", each.updates + 1, each.row, 0.0, 0.0, words)
    return None


def _mentions(trace: Trace, rows: Sequence[int]) -> list[Happening]:
    return [each for each in trace.happenings if each.act is Act.MENTION and each.row in rows]
