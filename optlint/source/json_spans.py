"""Values of a JSON text with the places at which they stand, so that a few can be replaced and the rest stays."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from optlint.source.text import Span

_BLANKS = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a JSON text: its characters, and what they mean."""

    span: Span
    meaning: object


def whole(text: str) -> Value:
    """Return the value that a text is.

    Raises:
        json.JSONDecodeError: it is none.
        RecursionError: it is nested too deeply.
    """
    value = _value(text, 0)
    if (rest := _after_blanks(text, value.span.end)) < len(text):
        raise json.JSONDecodeError("Extra data", text, rest)
    return value


def members(text: str, value: Value) -> dict[str, Value]:
    """Return the members of an object; of several of one name the last one, as every reader does."""
    found: dict[str, Value] = {}
    place = _after_blanks(text, value.span.start + 1)
    while text[place] != "}":
        key = _value(text, place)
        found[str(key.meaning)] = member = _value(text, _after_blanks(text, key.span.end) + 1)
        place = _after_comma(text, member)
    return found


def items(text: str, value: Value) -> list[Value]:
    """Return the items of a list."""
    found: list[Value] = []
    place = _after_blanks(text, value.span.start + 1)
    while text[place] != "]":
        found.append(_value(text, place))
        place = _after_comma(text, found[-1])
    return found


def _value(text: str, start: int) -> Value:
    begin = _after_blanks(text, start)
    meaning, end = _DECODER.raw_decode(text, begin)
    return Value(Span(begin, end), meaning)


def _after_comma(text: str, value: Value) -> int:
    place = _after_blanks(text, value.span.end)
    return _after_blanks(text, place + 1) if text[place] == "," else place


def _after_blanks(text: str, start: int) -> int:
    found = _BLANKS.match(text, start)
    assert found is not None
    return found.end()
