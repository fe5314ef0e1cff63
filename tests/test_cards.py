"""Every rule's card: its example is flagged, its remedy is silent, and the fix turns the one into the other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fixture_cases import catalog
from optlint.catalog import CatalogEntry
from optlint.engine import Engine
from optlint.source.apply import mend
from optlint.source.edits import Applicability, Fix
from optlint.source.text import Source

_CODE = re.compile(r"^## (Example|Use instead)\n+```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_HEADINGS = ["Example", "Use instead", "When the code is right", "Fix safety", "Evidence", "References"]


def _codes(entry: CatalogEntry) -> dict[str, str]:
    return dict(_CODE.findall(entry.card))


@pytest.mark.parametrize("entry", catalog(), ids=lambda entry: entry.name)
def test_card_has_the_headings_in_order(entry: CatalogEntry) -> None:
    assert re.findall(r"^## (.+)$", entry.card, re.MULTILINE) == _HEADINGS
    assert entry.card.split("\n", 1)[0].endswith(".")


@pytest.mark.parametrize("entry", catalog(), ids=lambda entry: entry.name)
def test_example_is_flagged_and_remedy_is_silent(entry: CatalogEntry, tmp_path: Path) -> None:
    codes = _codes(entry)
    for name, expected in (("Example", {entry.rule.code}), ("Use instead", set())):
        path = tmp_path / "card.py"
        path.write_text(codes[name])
        assert {finding.code for finding in Engine(catalog()).check(path, path.read_bytes())} == expected


@pytest.mark.parametrize(
    "entry",
    [each for each in catalog() if each.rule.repair and each.rule.repair.applicability is not Applicability.DISPLAY],
    ids=lambda entry: entry.name,
)
def test_fix_turns_the_example_into_the_remedy(entry: CatalogEntry, tmp_path: Path) -> None:
    codes = _codes(entry)

    def check(source: Source) -> list[Fix]:
        fixes = [finding.fix for finding in Engine([entry]).check(source.path, source.data)]
        return [fix for fix in fixes if fix is not None and fix.applicability is not Applicability.DISPLAY]

    outcome = mend(Source.from_bytes(tmp_path / "card.py", codes["Example"].encode()), check)
    assert outcome.source.text == codes["Use instead"]
