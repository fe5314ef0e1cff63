"""Tests import one another's helpers by plain names, and share one pool."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from optlint.replay.pool import Pool

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def pool() -> Iterator[Pool]:
    """A pool that imports torch once for all tests that want no special one.

    It remembers the jobs of a fixture and of its repairs, which come one after the other (see `replay/conftest.py`).
    """
    from optlint.replay.pool import Pool

    with Pool(seconds=60.0, remembered=64) as opened:
        yield opened
