"""The first look at a file drops nothing that a rule wants."""

from __future__ import annotations

import pytest

from optlint.catalog import CatalogEntry, load_catalog
from optlint.packs import Pack
from optlint.scan.screen import LITERALS, may_matter


@pytest.fixture(scope="module")
def bundled() -> tuple[CatalogEntry, ...]:
    return load_catalog([Pack("optlint", "optlint_rules")])


def test_every_group_of_triggers_holds_a_literal_of_the_screen(bundled: tuple[CatalogEntry, ...]) -> None:
    groups = [(entry.rule.code, group) for entry in bundled for group in entry.rule.triggers]
    assert groups
    for code, group in groups:
        assert any(literal in token.encode() for token in group for literal in LITERALS), (code, group)


def test_every_rule_declares_triggers(bundled: tuple[CatalogEntry, ...]) -> None:
    for entry in bundled:
        assert entry.rule.triggers, entry.rule.code
        assert all(group and all(group) for group in entry.rule.triggers), entry.rule.code


def test_a_comment_for_optlint_matters() -> None:
    assert may_matter(b"x = 1  # optlint: ignore[OPT101]\n")
    assert not may_matter(b"x = 1  # noqa: F401\n")


@pytest.mark.parametrize(
    "fragment",
    [
        *(
            "self.x = [ # a = (\n",
            "self.x = (a, ",
            "Parameter(a) ",
            "a:(",
            ";x(",
            "x.cuda(",
            ".requires_grad = ",
            "+= ",
        ),
        *(
            "self.x = []\n",
            "self.x = []\nself.x.append(f(",
            "x.append(",
            "import (",
            "def f(\n",
            "return f(",
            "for x in ",
        ),
        *("loss = loss + ", "loss += f(\n", "requires_grad=True", "self.x = Parameter(", "# (", "\n(", "a if b else "),
    ],
)
def test_screens_come_to_an_end_on_one_fragment_over_and_over(fragment: str) -> None:
    texts = [
        before + fragment.encode() * 3_000 for before in (b"import torch.optim  # ", b"self.x = []\nself.x.append(")
    ]
    screens = [entry.rule.screen for entry in load_catalog() if entry.rule.screen is not None]
    answers = [screen(text) for screen in screens for text in texts]
    assert all(isinstance(answer, bool) for answer in answers)
