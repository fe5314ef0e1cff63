"""Selectors and layers."""

from __future__ import annotations

import pytest

from optlint.selection import Layer, SelectionError, resolve, select

NAMES = {
    "OPT001": "unreadable-file",
    "OPT002": "unused-suppression",
    "OPT003": "internal-error",
    "OPT101": "early-step",
    "OPT102": "double-step",
    "OPT201": "frozen",
}
ALWAYS = {"OPT001", "OPT003"}


def chosen(*layers: Layer) -> set[str]:
    return set(select(NAMES, layers))


def test_everything_is_reported_to_begin_with() -> None:
    assert chosen() == set(NAMES)
    assert chosen(Layer("here")) == set(NAMES)


def test_select_keeps_what_says_that_the_run_itself_went_wrong() -> None:
    assert chosen(Layer("here", select=("OPT1",))) == {"OPT101", "OPT102"} | ALWAYS
    assert chosen(Layer("here", select=("OPT1",), ignore=("OPT0",))) == {"OPT101", "OPT102"}


@pytest.mark.parametrize(
    ("select_", "ignore", "expected"),
    [
        (("OPT1",), ("OPT101",), {"OPT102"}),
        (("OPT101",), ("OPT1",), {"OPT101"}),
        (("OPT1",), ("OPT1",), set()),
        (("ALL",), ("OPT1", "OPT0"), {"OPT201"}),
        (("early-step",), ("OPT",), {"OPT101"}),
        (("OPT",), ("early-step", "OPT0", "OPT2"), {"OPT102"}),
        (("OPT101",), ("early-step",), set()),
    ],
)
def test_the_more_exact_selector_wins_and_ignore_between_equals(
    select_: tuple[str, ...], ignore: tuple[str, ...], expected: set[str]
) -> None:
    assert chosen(Layer("here", select=select_, ignore=ignore)) - ALWAYS == expected


def test_a_later_layer_overrules_an_earlier_one() -> None:
    config = Layer("file", select=("OPT1",), ignore=("OPT101",))
    assert chosen(config, Layer("line", select=("OPT101",))) - ALWAYS == {"OPT101"}
    assert chosen(config, Layer("line", extend_select=("OPT2",))) - ALWAYS == {"OPT102", "OPT201"}
    assert chosen(config, Layer("line", ignore=("OPT102",))) - ALWAYS == set()


def test_an_unknown_selector_names_its_place_and_the_nearest() -> None:
    with pytest.raises(
        SelectionError, match=r"^no rule is called `early-stop` \(from here\): did you mean `early-step`\?$"
    ):
        resolve("early-stop", NAMES, "here")
    with pytest.raises(SelectionError, match=r"`optlint rules` lists them all"):
        resolve("", NAMES, "here")
