"""The HTML report: all findings are in it, files cannot put markup into it, and its data are those of the traces."""

from __future__ import annotations

import importlib.util
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from optlint.cli.main import optlint
from optlint.program.events import Act
from optlint.replay.pairs import Pair, Unsliced
from optlint.replay.trace import Failure, Happening, Kind, Thing, Trace
from optlint.replay.wire import Lost
from optlint.report.curves import Site, Walk, walks
from optlint.report.html_document import FIRST_LINE
from optlint.report.html_text import escaped, prose
from optlint.report.plots import Plots
from optlint.report.script_sites import sites_as_fixed, sites_as_written
from report_pages import (
    CONFIRMED,
    FIXED,
    INCONCLUSIVE,
    REFUTED,
    ROWS,
    TRAIN,
    WRITTEN,
    finding_in,
    page_of,
    replay,
    source_of,
    trace_of,
    update,
    verified_of,
)

EMPTY = {"meta", "wbr", "br"}


class Reader(HTMLParser):
    """Reads a page: its elements, which must be nested rightly, its text, and the text of its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    @property
    def text(self) -> str:
        return "".join(self.words)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("script", "style"):
            self.scripts.append(data)
        else:
            self.words.append(data)


def data_of(page: str) -> dict[str, Any]:
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    data: dict[str, Any] = json.loads(text)
    return data


def unpacked(column: Any) -> list[Any]:
    """Read a column as the script of the page does."""
    if isinstance(column, list):
        return column
    if "a" in column:
        first, step, count = column["a"]
        return [first + step * at for at in range(count)]
    pairs = zip(column["r"][::2], column["r"][1::2], strict=True)
    return [value for count, value in pairs for _ in range(count)]


def test_every_finding_has_a_row_of_the_table_that_leads_to_its_section() -> None:
    page = page_of(replay("one.py"), replay("two.py"), (source_of("three.py"), finding_in(source_of("three.py")), None))
    reader = Reader(page)
    links = [attributes["href"] for tag, attributes in reader.elements if tag == "a"]
    sections = [f"#{attributes['id']}" for tag, attributes in reader.elements if attributes.get("class") == "finding"]
    assert links == sections == ["#f1", "#f2", "#f3"]
    for name in ("one.py:3:9", "two.py:3:9", "three.py:3:9"):
        assert reader.text.count(name) >= 2
    assert reader.text.count("no verdict") == 2
    assert "Findings: 2 confirmed; fixes: 2 validated (3 files checked)" in reader.text
    assert "Replayed with torch 2.13.0 on cpu" in reader.text


def test_a_section_tells_all_that_is_known() -> None:
    reader = Reader(page_of(replay()))
    for part in (
        "The schedule runs early",
        "The first rate is never used.",
        "update 1 uses the rate 0.05 where 0.1 is due",
        "Step the scheduler after the optimizer",
        "-        scheduler.step()",
        "+        scheduler.step()",
        "train.py:6 optimizer.step()",
        "the parameter model",
        "standin.cover(4)",
        "0.5",
    ):
        assert part in reader.text, part
    marked = re.findall(r"<mark>(.*?)</mark>", page_of(replay()))
    assert marked == ["scheduler.step()"]


def test_nothing_is_fetched_from_anywhere() -> None:
    reader = Reader(page_of(replay()))
    for tag, attributes in reader.elements:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base", "form"), tag
        assert "src" not in attributes
        assert "style" not in attributes
        assert attributes.get("href", "#").startswith("#")  # type: ignore[union-attr]
    policy = next(each["content"] for tag, each in reader.elements if tag == "meta" and "http-equiv" in each)
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "form-action 'none'" in policy
    assert not re.search(r"https?:|@import|url\(", "".join(reader.scripts))


HOSTILE = "<script>attacked = 1</script>\"'&amp;%0A`"


@pytest.mark.parametrize(
    "name", ["<script>x.py", "a\"b'c.py", "new%0Aline.py", "näh-模型.py", "a&amp;b.py", "b\udce4d.py", "c\u202ed.py"]
)
def test_names_from_files_are_text(name: str) -> None:
    safe = Reader(page_of(replay("train.py")))
    page = page_of(replay(name))
    page.encode()  # no lone surrogate is left
    reader = Reader(page)
    assert [tag for tag, _ in reader.elements if tag != "wbr"] == [tag for tag, _ in safe.elements if tag != "wbr"]
    shown = name.replace("\udce4", "\\udce4").replace("\u202e", "\\u202e")
    assert shown in reader.text
    assert [f"{shown}:{ROWS['step']}", "optimizer.step()"] in data_of(page)["sites"]


def test_text_is_safe_in_attributes_too() -> None:
    assert escaped("\"a'<b>&\x1b\u202e") == "&quot;a&#x27;&lt;b&gt;&amp;\\x1b\\u202e"
    assert prose("`<i>` is `b") == "<code>&lt;i&gt;</code> is `b"


def test_messages_code_and_labels_are_text() -> None:
    source = source_of("train.py", TRAIN.replace("return model", f"'{HOSTILE}'"))
    finding = replace(finding_in(source, HOSTILE), consequence=HOSTILE, code=HOSTILE)
    verdict = replace(CONFIRMED, sentence=f"confirmed: {HOSTILE}", fix_sentence=HOSTILE)
    failure = Failure(HOSTILE, HOSTILE, 3, False)
    trace = replace(WRITTEN, failure=failure, things=trace_of([], [], label=HOSTILE).things)
    page = page_of((source, finding, verified_of(source, finding, (trace,), (Lost(HOSTILE),), verdict)))
    reader = Reader(page)
    kinds = [attributes.get("type") for tag, attributes in reader.elements if tag == "script"]
    assert kinds == ["application/json", "text/plain", None]
    assert not any("attacked" in script for script in reader.scripts if script.lstrip()[:1] != "{")
    (data,) = (script for script in reader.scripts if script.startswith('{"sites"'))
    assert not set("<>&").intersection(data)
    assert json.loads(data)["runs"][0][0]["n"] == HOSTILE
    assert reader.text.count("<script>attacked = 1</script>") >= 8


def test_data_are_those_of_the_traces() -> None:
    data = data_of(page_of(replay()))
    assert data["plots"] == [{"at": 1, "of": "learning rate", "fix": True, "mended": True, "pairs": [[0, 1, 1]]}]
    for run, trace in zip(data["runs"], (WRITTEN, FIXED), strict=True):
        (walk,) = run
        (rates,) = walk["r"]
        assert walk["n"] == "optimizer"
        assert unpacked(walk["u"]) == [each.number for each in trace.updates]
        assert unpacked(rates) == [each.rates[0] for each in trace.updates]
        (due,) = walk["d"] or walk["r"]
        assert unpacked(due) == [each.due_rates[0] for each in trace.updates]
        assert unpacked(walk["t"]) == [pytest.approx(each.travelled, rel=1e-8) for each in trace.updates]
        due_ways = [pytest.approx(each.travelled_reference, rel=1e-8) for each in trace.updates]
        assert unpacked(walk["w"] or walk["t"]) == due_ways
    assert [run[0]["w"] is None for run in data["runs"]] == [False, True]  # what is fixed goes the way of the reference
    sites = [data["sites"][run[0]["s"]["r"][1]] for run in data["runs"]]
    assert sites == [["train.py:6", "optimizer.step()"], ["train.py:5 as fixed", "optimizer.step()"]]
    moves = [data["moves"][run[0]["c"]["r"][1]] for run in data["runs"]]
    schedules = [[[*data["sites"][site], times] for site, times in move] for move in moves]
    assert schedules == [[["train.py:3", "scheduler.step()", 1]], [["train.py:6 as fixed", "scheduler.step()", 1]]]


numbers = st.floats(allow_nan=False, allow_infinity=False)


@settings(derandomize=True, deadline=None, max_examples=80)
@given(st.lists(st.tuples(st.sampled_from([0.1, 0.01, 1e-300]) | numbers, numbers, st.integers(1, 3)), min_size=1))
def test_any_walk_comes_back_from_the_json(steps: list[tuple[float, float, int]]) -> None:
    updates, at = [], 0
    for _, _, ahead in steps:
        at += ahead
        updates.append(at)
    rates, ways = tuple(rate for rate, _, _ in steps), tuple(way for _, way, _ in steps)
    sites = tuple(Site("a.py:1", "step") if rate > 0.05 else None for rate in rates)
    due_ways = tuple(None if rate > 0.05 else way for rate, way in zip(rates, ways, strict=True))
    changes = ((),) * len(steps)
    walk = Walk("o", tuple(updates), sites, changes, (rates,), (rates[::-1],), ways, reference=due_ways)
    plots = Plots()
    assert plots.add([((walk,), ())]) == 0
    data = json.loads(plots.as_json())
    ((read,),) = data["runs"]
    assert data["plots"][0]["pairs"] == [[0, -1, 0]]
    assert unpacked(read["u"]) == updates
    assert unpacked(read["r"][0]) == list(rates)
    assert unpacked((read["d"] or read["r"])[0]) == list(rates[::-1])
    assert unpacked(read["t"]) == [pytest.approx(way, rel=1e-8, abs=0) for way in ways]
    due_read = unpacked(read["t"] if read["w"] is None else read["w"])
    assert due_read == [None if way is None else pytest.approx(way, rel=1e-8, abs=0) for way in due_ways]
    assert [None if each < 0 else Site(*data["sites"][each]) for each in unpacked(read["s"])] == list(sites)


def test_values_that_are_not_finite_are_gaps() -> None:
    trace = trace_of([0.1, float("inf"), float("nan")], [0.1, 0.1, 0.1])
    plots = Plots()
    plots.add([(walks(trace, lambda row: None), ())])
    ((walk,),) = json.loads(plots.as_json())["runs"]
    assert unpacked(walk["r"][0]) == [0.1, None, None]
    assert unpacked(walk["t"])[1:] == [None, None]


def test_reference_is_that_of_the_fixed_run_only_where_the_fix_is_known_to_be_right() -> None:
    source = source_of()
    finding = finding_in(source)
    for verdict, reference in ((CONFIRMED, 1), (REFUTED, 0), (INCONCLUSIVE, 0)):
        (plot,) = data_of(page_of((source, finding, verified_of(source, finding, verdict=verdict))))["plots"]
        assert plot["pairs"] == [[0, 1, reference]], verdict
        assert plot.get("mended", False) is bool(reference)
    empty = replace(WRITTEN, updates=())
    (plot,) = data_of(page_of((source, finding, verified_of(source, finding, (empty,), verdict=REFUTED))))["plots"]
    assert plot["pairs"] == [[-1, 0, 0]]


def words(page: str) -> str:
    """The text of the figures."""
    return " ".join(re.sub("<[^>]*>", " ", " ".join(re.findall("<figure>(.*?)</figure>", page, re.DOTALL))).split())


def without_ways(trace: Trace, known: int) -> Trace:
    """The trace with the way of the reference known for so many updates."""
    updates = [replace(each, travelled_reference=None) for each in trace.updates[known:]]
    return replace(trace, updates=(*trace.updates[:known], *updates))


def test_figures_say_what_the_reference_is_and_where_there_is_none() -> None:
    source = source_of()
    finding = finding_in(source)

    def told(written: Trace, fixed: Trace) -> str:
        return words(page_of((source, finding, verified_of(source, finding, (written,), (fixed,)))))

    whole = told(WRITTEN, FIXED)
    assert "Reference: the rate that the schedule has due for each update" in whole
    assert "Reference: the way that the reference optimizer makes with the due rates and the due gradients" in whole
    assert "those that the code computed, where its own parameters were; up to the first update that departs" in whole
    assert "not known" not in whole
    partly = told(without_ways(WRITTEN, 2), FIXED)
    assert "It is not drawn where it is not known." in partly
    none = told(without_ways(WRITTEN, 0), without_ways(FIXED, 0))
    assert "No reference is drawn: for this optimizer the way that is due is not known." in none
    assert "reference optimizer" not in none


def test_empty_plot_has_words_in_its_place() -> None:
    source = source_of()
    finding = finding_in(source)

    def page(written: Trace) -> str:
        return page_of((source, finding, verified_of(source, finding, (written,), ())))

    shapes = page(replace(WRITTEN, device="meta", shapes_only=True))
    assert re.findall('data-kind="(.*?)"', shapes) == ["rate"]
    assert "tensors on meta have no numbers, and so no distance." in words(shapes)
    ((walk,),) = data_of(shapes)["runs"]
    assert set(unpacked(walk["t"])) == {None}
    endless = tuple(replace(each, travelled=float("inf")) for each in WRITTEN.updates)
    infinite = page(replace(WRITTEN, updates=endless))
    assert re.findall('data-kind="(.*?)"', infinite) == ["rate"]
    assert "No distance in the runs is a finite number." in words(infinite)
    assert re.findall('data-kind="(.*?)"', page(WRITTEN)) == ["rate", "way"]


def test_curves_of_very_different_sizes_have_a_logarithmic_axis() -> None:
    source = source_of()
    finding = finding_in(source)

    def axes(scale: float) -> object:
        updates = tuple(replace(each, travelled=scale * each.travelled) for each in WRITTEN.updates)
        verified = verified_of(source, finding, (replace(WRITTEN, updates=updates),))
        return data_of(page_of((source, finding, verified)))["plots"][0].get("log")

    assert (axes(1.0), axes(1000.0)) == (None, ["way"])


def test_equal_runs_stand_in_a_page_once() -> None:
    data = data_of(page_of(replay("one.py"), replay("one.py"), replay("one.py")))
    assert len(data["runs"]) == 2
    assert len(data["plots"]) == 3


def test_combinations_that_differ_can_be_chosen() -> None:
    source = source_of()
    finding = finding_in(source)
    page = page_of((source, finding, verified_of(source, finding, (WRITTEN, WRITTEN, FIXED), (FIXED, FIXED, FIXED))))
    assert data_of(page)["plots"][0]["pairs"] == [[0, 1, 1], [2, 1, 1]]  # the same numbers come from other lines
    assert page.count("<option") == 2
    assert "3 combinations were run" in page
    assert "<option" not in page_of(replay())


def test_inconclusive_verdict_says_why_and_shows_the_curves_there_are() -> None:
    source = source_of()
    finding = finding_in(source)
    lost = Lost("timed out after 20 s")
    half = page_of((source, finding, verified_of(source, finding, (WRITTEN,), (lost,), INCONCLUSIVE)))
    assert data_of(half)["plots"][0]["pairs"] == [[0, -1, 0]]
    assert "As fixed, there is no trace: timed out after 20 s" in half
    none = page_of((source, finding, verified_of(source, finding, (lost,), (lost,), INCONCLUSIVE)))
    assert none.count("inconclusive</strong> (timed out): timed out after 20 s") == 2
    short = replace(INCONCLUSIVE, fix_sentence="no answer came")
    told = page_of((source, finding, verified_of(source, finding, (lost,), (lost,), short)))
    assert "The fix is <strong>inconclusive</strong> (timed out): no answer came" in told
    assert 'class="plot"' not in none
    assert 'id="data"' not in none
    assert "No run made an update" in none


def test_script_that_could_not_be_made_is_told() -> None:
    source = source_of()
    finding = finding_in(source)
    verified = verified_of(source, finding, (), (), INCONCLUSIVE)
    verified = replace(verified, pair=Pair(Unsliced("`match` is beyond the slicer"), None))
    assert "could not be made: <code>match</code> is beyond the slicer" in page_of((source, finding, verified))


def test_exception_that_ends_a_run_is_told_with_its_line() -> None:
    source = source_of()
    finding = finding_in(source)
    trace = replace(WRITTEN, failure=Failure("TypeError", "no `verbose`", ROWS["step"] + 1, False))
    page = page_of((source, finding, verified_of(source, finding, (trace,))))
    assert "As written, the run ends after 5 updates at train.py:6: TypeError: no `verbose`" in Reader(page).text


def test_many_findings_are_folded() -> None:
    assert 'id="f1" open' in page_of(*[replay()] * 12)
    assert 'id="f1" open' not in page_of(*[replay()] * 13)


def test_rows_of_a_script_are_told_in_the_text_that_they_come_from() -> None:
    source, _, verified = replay()
    written = sites_as_written(verified, {source.path: source}.get)
    fixed = sites_as_fixed(verified, {source.path: source}.get)
    assert written(ROWS["step"] + 1) == Site("train.py:6", "optimizer.step()")
    assert fixed(ROWS["step"] + 1) == Site("train.py:6 as fixed", "scheduler.step()")
    assert written(0) is written(1) is None
    # Where other fixes are made too, the file has other lines: those of the script are shown.
    other = replace(verified, pair=replace(verified.pair, changed=frozenset({(source.path, 1)})))
    assert other.pair is not other.case.pair
    among = sites_as_written(other, {source.path: source_of(text="\n" * 20)}.get)
    assert among(ROWS["step"] + 1) == Site("train.py:6 with the other fixes", "optimizer.step()")


def test_walks_tell_optimizers_and_groups_apart() -> None:
    things = (
        Thing(1, Kind.OPTIMIZER, "Adam"),
        Thing(2, Kind.OPTIMIZER, "Adam"),
        Thing(3, Kind.SCHEDULER, "StepLR", optimizer=2),
        Thing(4, Kind.OPTIMIZER, "SGD", label="unused"),
    )
    happenings = (
        Happening(Act.SCHEDULE, 7, (3,), 1),
        Happening(Act.SCHEDULE, 7, (3,), 1),
        Happening(Act.BACKWARD, 5, (2,), 1),
        Happening(Act.SET_RATE, 8, (1,), 2, by_hand=True),
    )
    updates = (
        update(1, 2, 6, (0.1,), (0.1,), 1.0),
        update(2, 1, 5, (0.2,), (0.2,), 2.0),
        update(3, 2, 6, (0.01, 0.3), (0.1, 0.3), 3.0),
        update(4, 1, 5, (0.3,), (0.3,), 4.0),
    )
    trace = Trace(things, happenings, updates, None, False, "cpu", "2.13.0")
    first, second = walks(trace, lambda row: Site(f"a.py:{row}", ""))
    assert (first.name, second.name) == ("Adam (1)", "Adam (2)")
    assert (first.updates, second.updates) == ((2, 4), (1, 3))
    assert second.rates == ((0.1, 0.01), (None, 0.3))
    assert second.due == ((0.1, 0.1), (None, 0.3))
    assert first.travelled == (2.0, 4.0)
    assert first.changes == ((), ((Site("a.py:8", ""), 1),))
    assert second.changes == ((), ((Site("a.py:7", ""), 2),))


# -- the option ------------------------------------------------------------------------------------------------------


def verify(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(optlint, ["verify", "--isolated", *arguments])
    return result.exit_code, result.output


@pytest.fixture
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clean.py").write_text("import torch\n")
    return tmp_path


def test_without_plotly_the_option_says_what_to_install(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    code, output = verify("clean.py", "--report", "out.html")
    assert (code, output) == (
        2,
        "optlint: `--report` needs plotly: install it (`pip install 'optlint[report]'`)\n",
    )
    assert not (clean / "out.html").exists()


def test_report_takes_the_place_of_pages_only(clean: Path) -> None:
    pytest.importorskip("plotly", reason="plotly is not installed")
    code, output = verify("--report", "clean.py")
    assert code == 2
    assert "is no HTML page" in output
    assert (clean / "clean.py").read_text() == "import torch\n"
    (clean / "out.html").write_text(FIRST_LINE + "old")
    code, output = verify("clean.py", "--report", "out.html")
    assert code == 0
    assert output.endswith("optlint: the report is in out.html\n")
    assert "Nothing to replay: 1 file checked" in (clean / "out.html").read_text("utf-8")
    code, output = verify("clean.py", "--report", "nowhere/out.html")
    assert code == 2
    assert "there is no folder `nowhere`" in output
