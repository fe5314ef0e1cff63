"""Rule packs: how they are found, loaded and refused."""

from __future__ import annotations

import importlib.metadata
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import optlint.api
from optlint.catalog import CatalogError, known_names, load_catalog
from optlint.packs import Pack, installed_packs, only_bundled

RULE = '''"""{card}"""

from typing import Any, cast

from optlint.api import Evidence, Level, Rule

RULE = Rule("{code}", Level.NOTE, "", (("torch",),), cast(Any, None), Evidence.TEXT)
'''

Install = Callable[..., Pack]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Write a pack and its record into a folder of the path; the packages are forgotten at the end."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    packages: list[str] = []

    def call(package: str, modules: dict[str, str], distribution: str | None = None) -> Pack:
        packages.append(package)
        for name, text in {"__init__": "", **modules}.items():
            path = site / package / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            for folder in path.parents[: len(Path(name).parts) - 1]:
                (folder / "__init__.py").touch()
            path.write_text(text)
        record = site / f"{distribution or package}-1.0.dist-info"
        record.mkdir()
        (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution or package}\nVersion: 1.0\n")
        (record / "entry_points.txt").write_text(
            f"[console_scripts]\nx = a:b\n\n[optlint.rules]\n{package} = {package}\n\n[other]\ny = c\n"
        )
        return Pack((distribution or package).replace("_", "-").lower(), package)

    yield call
    for module in [name for name in sys.modules if name.partition(".")[0] in packages]:
        del sys.modules[module]


def rule(code: str, card: str = "A fault.") -> str:
    return RULE.format(code=code, card=card)


def test_every_module_with_a_rule_is_an_entry_in_the_order_of_codes(install: Install) -> None:
    pack = install(
        "acme_rules",
        {
            "order/late_step": rule("ACM102"),
            "order/deep/x": rule("ACM103"),
            "top_level": rule("ACM101"),
            "tables": "T = 1",
        },
    )
    entries = load_catalog([pack])
    assert [(entry.rule.code, entry.name, entry.family) for entry in entries] == [
        ("ACM101", "top-level", ""),
        ("ACM102", "late-step", "order"),
        ("ACM103", "x", "order.deep"),
    ]
    assert {(entry.pack, entry.card) for entry in entries} == {("acme_rules", "A fault.")}


def test_known_names_hold_rules_and_the_codes_that_are_none(install: Install) -> None:
    entries = load_catalog([install("acme_rules", {"late_step": rule("ACM101")})])
    assert list(known_names(entries).items()) == [
        ("ACM101", "late-step"),
        ("OPT001", "unreadable-file"),
        ("OPT002", "unused-suppression"),
        ("OPT003", "internal-error"),
    ]


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (
            {"a": rule("ACM101")},
            {"b": rule("ACM101")},
            "two rules are called `ACM101`, in the packs `acme_rules` and `zet_rules`",
        ),
        (
            {"a": rule("ACM101")},
            {"x/a": rule("ZET101")},
            "two rules are called `a`, in the packs `acme_rules` and `zet_rules`",
        ),
        ({"a": rule("OPT001")}, {}, "two rules are called `OPT001`, in the packs `optlint` and `acme_rules`"),
    ],
)
def test_codes_and_names_are_unique_across_packs(
    install: Install, first: dict[str, str], second: dict[str, str], said: str
) -> None:
    with pytest.raises(CatalogError) as error:
        load_catalog([install("acme_rules", first), install("zet_rules", second)])
    assert str(error.value) == f"{said}: uninstall one of the two"


@pytest.mark.parametrize(
    ("modules", "said"),
    [
        ({"a": "1 / 0"}, "cannot be imported, `acme_rules.a` raises ZeroDivisionError: division by zero"),
        ({"a": "("}, "cannot be imported, `acme_rules.a` raises SyntaxError"),
        ({"x/__init__": "import nothing_there", "x/a": ""}, "`acme_rules.x` raises ModuleNotFoundError"),
        ({"__init__": "REQUIRES_API = 99"}, "needs version 99 of `optlint.api` and there is 1: upgrade optlint"),
        ({"a": "RULE = 1"}, "`acme_rules.a.RULE` is no `optlint.api.Rule`"),
        ({"a": rule("acme-1")}, "the code `acme-1` of `acme_rules.a` is not of the form ABC123"),
    ],
)
def test_a_pack_that_cannot_be_used_is_named_with_the_reason(
    install: Install, modules: dict[str, str], said: str
) -> None:
    with pytest.raises(CatalogError) as error:
        load_catalog([install("acme_rules", modules)])
    assert str(error.value).startswith("the rule pack `acme_rules` (installed by `acme-rules`) ")
    assert said in str(error.value)


def test_a_pack_may_require_the_version_that_there_is(install: Install) -> None:
    text = f"REQUIRES_API = {optlint.api.VERSION}"
    assert load_catalog([install("acme_rules", {"__init__": text})]) == ()


def test_without_a_pack_the_remedy_is_to_install_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(CatalogError, match="no rule pack is installed: install optlint again"):
        load_catalog()


def test_installed_packs_are_those_of_the_entry_points(install: Install, tmp_path: Path) -> None:
    install("acme_rules", {}, distribution="Acme_Optlint")
    site = str(tmp_path / "site")
    found = [(pack.distribution, pack.package) for pack in installed_packs([site, "missing", site])]
    points = [
        (point.dist.name.lower().replace("_", "-"), point.value)
        for distribution in importlib.metadata.distributions(path=[site])
        for point in distribution.entry_points
        if point.group == "optlint.rules" and point.dist is not None
    ]
    assert found == points == [("acme-optlint", "acme_rules")]


def test_packs_in_an_archive_are_found(tmp_path: Path) -> None:
    archive = tmp_path / "app.pyz"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("acme_rules-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme-rules\nVersion: 1.0\n")
        file.writestr("acme_rules-1.0.dist-info/entry_points.txt", "[optlint.rules]\na = acme_rules\n")
    assert [(pack.distribution, pack.package) for pack in installed_packs([str(archive)])] == [
        ("acme-rules", "acme_rules")
    ]


def test_of_two_records_of_one_distribution_the_first_counts(tmp_path: Path) -> None:
    for folder, package in (("new", "acme_new"), ("old", "acme_old")):
        record = tmp_path / folder / f"acme-{folder}.dist-info"
        record.mkdir(parents=True)
        (record / "entry_points.txt").write_text(f"[optlint.rules]\na = {package}\n")
    packs = installed_packs([str(tmp_path / "new"), str(tmp_path / "old")])
    assert [pack.package for pack in packs] == ["acme_new"]


def test_a_pack_of_others_is_told_from_the_bundled_one(install: Install, tmp_path: Path) -> None:
    site = str(tmp_path / "site")
    install("optlint_rules_stand_in", {}, distribution="optlint")
    assert only_bundled([site])
    install("acme_rules", {})
    assert not only_bundled([site])
