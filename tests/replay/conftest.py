"""A pool without a guard, and the order of the tests of verdicts: those of a fixture, which share replays, in a row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from optlint.replay.pool import Pool

_OF_FIXTURES = ("test_fixture_verdicts.py", "test_shapes_only.py", "test_verdicts_in_dtypes.py")
_REPAIR = re.compile(r"(wrong|right|undecided)_fix_(?P<stem>.*?)(__.*)?(\.py)?$")


@pytest.fixture(scope="session")
def unguarded() -> Iterator[Pool]:
    """A pool whose scripts may import, as tests of what is imported do."""
    with Pool(seconds=60.0, arguments=["--unguarded"]) as opened:
        yield opened


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the verdicts of fixtures; all else stays where it is, before and after them."""
    found = enumerate(items)
    places = [at for at, item in found if Path(item.path).name in _OF_FIXTURES and "/" in item.name]
    for at, item in zip(places, sorted((items[at] for at in places), key=_fixture), strict=True):
        items[at] = item


def _fixture(item: pytest.Item) -> str:
    """The fixture that a test is about, by its parameters: that of a repair is the code that it repairs."""
    _, _, name = item.name.partition("[")
    folder, _, file = name.rstrip("]").rpartition("/")
    found = _REPAIR.fullmatch(file)
    stem = file.removesuffix(".py") if found is None else f"bad_{found['stem']}"
    return f"{folder}/{stem}"
