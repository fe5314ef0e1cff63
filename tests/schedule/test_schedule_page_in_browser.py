"""The page of schedules in a real browser: silent on the console, and every curve drawn as it was measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headless_browser import CHROMIUM, Browser, curves, draw_all, opened
from optlint.program.events import Act
from optlint.replay.schedules import EntrySchedule, Variant
from optlint.replay.standin_numbers import ELEMENTS, StandInNumber
from optlint.replay.trace import Happening, Kind, Thing, Trace
from optlint.replay.wire import Lost
from optlint.report.html_schedule import schedule_page
from optlint.report.plotting_library import packed_library
from report_pages import FIXED, ROWS, WRITTEN, finding_in, script_of, source_of, update

pytest.importorskip("plotly", reason="plotly is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

NAME = "<b>&lt;D%{x}$"
"""What markup, entities and templates of the plotting library would be."""
DECAY = [0.1 * 0.8**number for number in range(100)]


def of_groups(scale: float) -> Trace:
    """Two optimizers in turn: one decays in three groups, of which two are alike, the other rises in one."""
    things = (Thing(1, Kind.OPTIMIZER, "Adam", label=NAME), Thing(2, Kind.OPTIMIZER, "SGD", label="other"))
    happenings = (Happening(Act.NEW, ROWS["step"] + 1, (1,), 0), Happening(Act.NEW, ROWS["step"] + 1, (2,), 0))
    updates = []
    for number, rate in enumerate(DECAY):
        groups = (scale * rate, scale * rate / 10, scale * rate)
        updates.append(update(2 * number + 1, 1, ROWS["step"] + 1, groups, groups, 0.0))
        updates.append(update(2 * number + 2, 2, ROWS["step"] + 1, (0.001 * number,), (0.001 * number,), 0.0))
    return Trace(things, happenings, tuple(updates), None, False, "cpu", "2.13.0")


def page() -> str:
    """A file of an evil name with three ways into it: a finding, conditions with two optimizers, nothing to show."""
    source = source_of("<img src=x onerror=attacked=1>.py")
    script = script_of(source)
    finding = finding_in(source)
    assert finding.fix is not None
    fixed = script_of(source, source.text.replace("scheduler.step()", "pass"))
    schedules = [
        EntrySchedule(
            "train",
            script,
            fixed,
            (finding.fix,),
            (finding,),
            (Variant((), WRITTEN, FIXED),),
            1,
            (StandInNumber("args.epochs", "6"), StandInNumber(ELEMENTS, "2")),
        ),
        EntrySchedule(
            "<module>",
            script,
            variants=(Variant((), of_groups(1.0), None), Variant((("<i>args.on", False),), of_groups(0.5), None)),
            tried=4,
        ),
        EntrySchedule("Net.fit", script, variants=(Variant((), Lost("timed out after <20 s>"), None),)),
    ]
    return schedule_page(str(source.path), schedules, {source.path: source}.get, packed_library())


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("schedule") / "out.html"
    path.write_text(page(), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser(file: Path) -> Iterator[Browser]:
    with opened(file, width=1400) as browser:
        draw_all(browser)
        yield browser


def texts(browser: Browser, selector: str) -> list[str]:
    found: list[str] = browser.evaluate(f"[...document.querySelectorAll('{selector}')].map((each) => each.innerText)")
    return found


def test_both_curves_have_the_rates_of_their_runs(browser: Browser) -> None:
    assert curves(browser, 0) == {
        "as fixed": ([1, 2, 3, 4, 5], [each.rates[0] for each in FIXED.updates]),
        "as written": ([1, 2, 3, 4, 5], [each.rates[0] for each in WRITTEN.updates]),
    }


def test_each_optimizer_has_its_plot_by_its_own_updates_with_equal_groups_as_one(browser: Browser) -> None:
    numbers = list(range(1, 101))
    assert curves(browser, 1) == {
        "as written: groups 0, 2": (numbers, DECAY),
        "as written: group 1": (numbers, [rate / 10 for rate in DECAY]),
    }
    assert curves(browser, 2) == {"as written": (numbers, [0.001 * number for number in range(100)])}


def test_curves_are_seen(browser: Browser) -> None:
    lengths = browser.evaluate(
        "[...document.querySelectorAll('.plot')].map((plot) => "
        "[...plot.querySelectorAll('.scatterlayer path.js-line')].map((line) => line.getTotalLength()))"
    )
    assert [len(each) for each in lengths] == [2, 2, 1]
    assert all(length > 50 for each in lengths for length in each)


def test_a_decay_over_decades_has_a_logarithmic_axis_and_says_so(browser: Browser) -> None:
    kinds = browser.evaluate(
        "[...document.querySelectorAll('.plot')].map((plot) => "
        "[plot._fullLayout.yaxis.type, plot.innerText.includes('log scale')])"
    )
    assert kinds == [["linear", False], ["log", True], ["linear", False]]


def test_numbers_findings_stand_ins_and_reasons_are_told(browser: Browser) -> None:
    assert texts(browser, "summary h2") == ["train()", "Top level", "Net.fit()"]
    cells = texts(browser, "#e1 td")
    assert cells[:3] == [
        "The only one",
        "First 0.05, peak 0.05, last 0.0125, 5 updates",
        "First 0.1, peak 0.1, last 0.025, 5 updates",
    ]
    first = texts(browser, "#e1")[0]
    assert "As fixed: with the fix of OPT101 at" in first
    assert "args.epochs = 6" in first
    assert texts(browser, "#e2 th")[:2] == ["Param groups", "As written"]
    assert "Groups 0, 2, where not <i>args.on" in texts(browser, "#e2")[0]
    assert "There is no curve: the replay gave nothing: timed out after <20 s>." in texts(browser, "#e3")[0]


def test_another_combination_changes_the_plot_beside_it_alone(browser: Browser) -> None:
    before = curves(browser, 1), curves(browser, 0)
    browser.evaluate(
        "(() => { const choice = document.querySelector('select.pair'); "
        "choice.value = '1'; choice.dispatchEvent(new Event('change')); })()"
    )
    browser.wait_for("document.querySelectorAll('.plot')[1].calcdata[0][0].y !== 0.1")
    after = curves(browser, 1)
    assert after["as written: groups 0, 2"][1] == [pytest.approx(rate / 2) for rate in DECAY]
    assert before[0]["as written: groups 0, 2"][1] == DECAY
    assert curves(browser, 0) == before[1]


def test_pointing_tells_the_rates_of_an_update(browser: Browser) -> None:
    place = "document.querySelectorAll('.plot')[0]"
    browser.evaluate(f"{place}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
    x, y = browser.evaluate(
        f"(() => {{ const box = {place}.getBoundingClientRect(), layout = {place}._fullLayout; "
        "return [box.x + layout.xaxis.l2p(3) + layout.xaxis._offset, "
        "box.y + layout.yaxis._offset + layout.yaxis._length / 2]; })()"
    )
    browser.point_at(x - 5, y)
    browser.point_at(x, y)
    readout = f"{place}.parentElement.querySelector('.readout')"
    browser.wait_for(f"{readout}.textContent.startsWith('Update 3')")
    lines = [line for line in browser.evaluate(f"{readout}.innerText").splitlines() if line]
    assert lines[:2] == ["Update 3", "as written 0.025"]
    assert "as fixed 0.05" in lines


def test_page_is_silent_and_alone(browser: Browser, file: Path) -> None:
    assert browser.complaints == []
    assert browser.requests == [file.as_uri()]
    assert browser.evaluate("typeof attacked") == "undefined"
    assert browser.evaluate("document.querySelectorAll('img, b > b, i').length") == 0


def test_page_is_as_wide_as_a_small_screen_in_the_dark(file: Path) -> None:
    with opened(file, width=360, height=740, dark=True) as browser:
        draw_all(browser)
        assert browser.evaluate("document.documentElement.scrollWidth") == 360
        assert browser.complaints == []
