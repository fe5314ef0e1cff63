"""What the tables say of the releases of torch: since when and until when it has things."""

from __future__ import annotations

import inspect

import pytest

from optlint.torch_api.changes import Change, Dates, dates, history, since
from optlint.torch_api.releases import CURRENT, RELEASES
from optlint.torch_api.signatures import scheduler_signature, signatures
from optlint.torch_api.tables import tables


def test_the_history_ends_with_what_the_newest_release_takes() -> None:
    assert history().releases[-1] == CURRENT
    assert set(history().releases) <= set(RELEASES)
    for name, each in history().dates.items():
        owner, _, member = name.rpartition(".")
        if name in signatures():
            assert each.until is None
        elif owner in signatures() and each.until is not None:
            assert signatures()[owner].formal(member) is None
    verbose = scheduler_signature("StepLR")
    assert verbose is not None
    assert verbose.formal("verbose") is None


def test_the_history_of_the_installed_torch_goes_on_as_it_is_history() -> None:
    torch = pytest.importorskip("torch", reason="the history is compared with an installed torch")
    installed = tuple(map(int, torch.__version__.split(".")[:2]))
    if installed not in history().releases:
        pytest.skip("the sources of the installed torch are not among those read")
    for name, each in history().dates.items():
        there = each.since is None or each.since <= installed
        there = there and (each.until is None or installed < each.until)
        assert _is_there(torch, name) is there, name


def _is_there(torch: object, name: str) -> bool:
    found: object = torch
    for part in name.split(".")[1:]:
        if not hasattr(found, part):
            return inspect.isclass(found) and part in inspect.signature(found).parameters
        found = getattr(found, part)
    return True


@pytest.mark.parametrize(
    ("name", "member", "expected"),
    [
        ("torch.optim.Muon", "", Dates(since=(2, 9))),
        ("torch.optim.Adafactor", "", Dates(since=(2, 5))),
        ("torch.optim.Adam", "decoupled_weight_decay", Dates(since=(2, 7))),
        ("torch.optim.lr_scheduler.OneCycleLR", "verbose", Dates(until=(2, 7))),
        ("torch.optim.lr_scheduler.LRScheduler", "print_lr", Dates(until=(2, 7))),
        ("torch.optim.SGD", "lr", Dates()),
        ("torch.optim.NoSuchClass", "", Dates()),
    ],
)
def test_dates_are_asked_for_by_name(name: str, member: str, expected: Dates) -> None:
    assert dates(name, member) == expected


def test_each_change_that_rules_ask_about_has_a_release() -> None:
    assert {change.value for change in Change} == tables().since.keys()
    assert all(since(change) in RELEASES for change in Change)


def test_changes_agree_with_the_sources_that_were_read() -> None:
    assert since(Change.NAMED_PARAMETERS) in history().releases
    assert max(each for each in history().releases if each != CURRENT) < since(Change.STRICT_ZIP) <= CURRENT
