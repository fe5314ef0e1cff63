"""The order of the tests of verdicts: those of one fixture and of its repairs, which share replays, stay together."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_REPAIR = re.compile(r"(wrong|right|undecided)_fix_(?P<stem>.*?)(__.*)?(\.py)?$")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the verdicts of fixtures; all else stays where it is, before and after them."""
    places = [at for at, item in enumerate(items) if Path(item.path).name == "test_fixture_verdicts.py"]
    for at, item in zip(places, sorted((items[at] for at in places), key=_fixture), strict=True):
        items[at] = item


def _fixture(item: pytest.Item) -> str:
    """The fixture that a test is about, by its parameters: that of a repair is the code that it repairs."""
    _, _, name = item.name.partition("[")
    folder, _, file = name.rstrip("]").rpartition("/")
    found = _REPAIR.fullmatch(file)
    stem = file.removesuffix(".py") if found is None else f"bad_{found['stem']}"
    return f"{folder}/{stem}"
