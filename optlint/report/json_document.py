"""JSON that every parser takes: ASCII, no half of a surrogate pair from the name of a file, no number without end."""

from __future__ import annotations

import json
import math
from typing import Any

from optlint.report.places import decodable


def dumped(value: Any, indent: int | None = 2) -> str:
    """Return a value as JSON text."""
    return json.dumps(_legal(value), indent=indent)


def _legal(value: Any) -> Any:
    match value:
        case str():
            return decodable(value)
        case float() if not math.isfinite(value):
            return None
        case dict():
            return {_legal(key): _legal(each) for key, each in value.items()}
        case list() | tuple():
            return [_legal(each) for each in value]
        case _:
            return value
