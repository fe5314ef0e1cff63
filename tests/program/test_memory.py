"""An analysis leaves nothing behind that only a search for cycles would free: such searches cost a run its speed."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from optlint.catalog import load_catalog
from optlint.engine import Engine

DEMO = Path(__file__).parents[2] / "demo"


@pytest.mark.parametrize("project", ["finetune", "gan", "image_classifier"])
def test_checking_a_project_makes_no_cycles(project: str) -> None:
    engine = Engine(load_catalog())
    files = sorted((DEMO / project).rglob("*.py"))
    assert files
    for path in files:  # fills the caches that live as long as the process
        engine.check(path, path.read_bytes())
    gc.collect()
    gc.disable()
    try:
        found = [finding.code for path in files for finding in engine.check(path, path.read_bytes())]
        left = gc.collect()
    finally:
        gc.enable()
    assert found
    assert left == 0
