"""The HTML report in a real browser: silent on the console, every point drawn, and told what is pointed at."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from headless_browser import CHROMIUM, Browser, curves, draw_all, opened
from optlint.replay.trace import Kind, Thing, Trace
from optlint.report.plotting_library import packed_library
from report_pages import FIXED, REFUTED, WRITTEN, finding_in, page_of, replay, source_of, update, verified_of

pytest.importorskip("plotly", reason="plotly is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

NAME = "<b>&lt;D%{x}$"
"""What markup, entities and templates of the plotting library would be."""


def of_two_optimizers(scale: float, count: int) -> Trace:
    """Two optimizers in turn, one of them with two groups; more points than are drawn with marks."""
    things = (
        Thing(1, Kind.OPTIMIZER, "Adam", label="optimizer_g"),
        Thing(2, Kind.OPTIMIZER, "Adam", label=NAME),
    )
    updates = []
    for number in range(1, count + 1):
        rates = (scale / number,) if number % 2 else (scale / number, scale / 10)
        updates.append(update(number, 2 - number % 2, 7 - number % 2, rates, rates, scale * number))
    return Trace(things, (), tuple(updates), None, False, "cpu", "2.13.0")


PARTLY = replace(
    WRITTEN,
    updates=(*WRITTEN.updates[:3], *(replace(each, travelled_reference=None) for each in WRITTEN.updates[3:])),
)
"""The reference is lost on the way."""
LONG = of_two_optimizers(1.0, 200), of_two_optimizers(0.5, 150)


def page() -> str:
    """A plain finding, one with two optimizers, one in a file of an evil name with two combinations, and a wrong fix.

    The way of the reference is not known for the second one, and not to its end for the last one.
    """
    two = source_of("gan.py")
    evil, wrong = source_of("<img src=x onerror=attacked=1>.py"), source_of("wrong.py")
    findings = finding_in(two), finding_in(evil), finding_in(wrong)
    return page_of(
        replay(),
        (two, findings[0], verified_of(two, findings[0], (LONG[0],), (LONG[1],))),
        (evil, findings[1], verified_of(evil, findings[1], (WRITTEN, FIXED), (FIXED, FIXED))),
        (wrong, findings[2], verified_of(wrong, findings[2], (PARTLY,), (PARTLY,), REFUTED)),
        library=packed_library(),
    )


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "out.html"
    path.write_text(page(), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser(file: Path) -> Iterator[Browser]:
    with opened(file, width=1400) as browser:
        draw_all(browser)
        yield browser


def test_plots_have_the_points_of_the_traces(browser: Browser) -> None:
    rates, ways = curves(browser, 0), curves(browser, 1)
    assert list(rates) == ["reference", "as fixed", "as written"]
    assert list(ways) == ["reference", "as fixed", "as written"]
    for name, trace in (("as written", WRITTEN), ("as fixed", FIXED)):
        numbers = [each.number for each in trace.updates]
        assert rates[name] == (numbers, [each.rates[0] for each in trace.updates])
        assert ways[name] == (numbers, [pytest.approx(each.travelled, rel=1e-8) for each in trace.updates])
    assert rates["reference"] == (
        [each.number for each in FIXED.updates],
        [each.due_rates[0] for each in FIXED.updates],
    )
    assert ways["reference"] == (
        [each.number for each in FIXED.updates],
        [pytest.approx(each.travelled_reference, rel=1e-8) for each in FIXED.updates],
    )


def test_reference_of_the_distance_is_drawn_as_far_as_it_is_known(browser: Browser) -> None:
    assert not any(name.startswith("reference") for name in curves(browser, 3))
    numbers, ways = curves(browser, 7)["reference"]
    assert numbers[:3] == [1, 2, 3]
    assert ways == [
        *(pytest.approx(each.travelled_reference, rel=1e-8) for each in PARTLY.updates[:3]),
        *[None] * (len(ways) - 3),
    ]
    assert ways[2] != pytest.approx(PARTLY.updates[2].travelled, rel=0.1)
    drawn = "document.querySelectorAll('.plot')[7].querySelector('.scatterlayer .trace')"
    assert browser.evaluate(f"{drawn}.querySelectorAll('.point').length") == 3


def test_what_cannot_be_seen_in_a_plot_is_told_below_it(browser: Browser) -> None:
    told = browser.evaluate("[...document.querySelectorAll('.remarks')].map((each) => each.textContent)")
    right = "As fixed and the reference coincide. The reference goes by the run as fixed."
    assert told[:2] == [right, right]
    assert told[3] == ""
    assert told[6] == told[7] == "As written and as fixed coincide. The reference goes by the run as written."


def test_axes_and_the_first_divergence_are_named(browser: Browser) -> None:
    for plot, unit in ((0, "learning rate"), (1, "Euclidean distance")):
        text = browser.evaluate(
            f"document.querySelectorAll('.plot')[{plot}].querySelector('svg').parentElement.innerText"
        )
        assert unit in text
        assert "update" in text
        assert "first divergence: learning rate" in text


def test_plots_can_be_read_without_eyes_and_mouse(browser: Browser) -> None:
    role, label = browser.evaluate(
        "(() => { const plot = document.querySelector('.plot'); "
        "return [plot.getAttribute('role'), plot.getAttribute('aria-label')]; })()"
    )
    assert role == "img"
    assert label.startswith(
        "Learning rate per update. as written: from 0.05 to 0.0125, at most 0.05, 5 updates; as fixed"
    )
    figure = "document.querySelectorAll('.plot')[1].parentElement"
    assert browser.evaluate(f"{figure}.querySelector('label').innerText.trim()") == "Update"
    assert browser.evaluate(f"['min', 'max'].map((each) => {figure}.querySelector('input')[each])") == ["1", "5"]
    browser.evaluate(
        f"(() => {{ const slider = {figure}.querySelector('input'); slider.value = 4; "
        "slider.dispatchEvent(new Event('input')); })()"
    )
    lines = browser.evaluate(f"{figure}.querySelector('.readout').innerText").splitlines()
    assert lines[:2] == ["Update 4", "as written 0.05 where 0.1 was due with its gradients"]
    assert browser.evaluate(f"{figure}.querySelector('.readout').getAttribute('aria-live')") == "polite"
    browser.wait_for(f"{figure}.querySelector('.plot')._fullLayout.shapes.at(-1).x0 === 4")


def test_each_optimizer_and_group_has_its_curve(browser: Browser) -> None:
    rates, ways = curves(browser, 2), curves(browser, 3)
    name = NAME.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    parts = ["optimizer_g", f"{name}, group 0", f"{name}, group 1"]
    roles = "reference", "as fixed", "as written"
    assert list(rates) == [f"{role}: {part}" for role, part in itertools.product(roles, parts)]
    assert [len(xs) for xs, _ in rates.values()] == [75, 75, 75, 75, 75, 75, 100, 100, 100]
    assert [len(xs) for xs, _ in ways.values()] == [75, 75, 100, 100]
    of_first = [each for each in LONG[0].updates if each.optimizer == 1]
    expected = [each.number for each in of_first], [each.rates[0] for each in of_first]
    assert rates["as written: optimizer_g"] == expected


def test_curves_are_seen(browser: Browser) -> None:
    lengths = browser.evaluate(
        "[...document.querySelectorAll('.plot')].map((plot) => "
        "[...plot.querySelectorAll('.scatterlayer path.js-line')].map((line) => line.getTotalLength()))"
    )
    assert [len(each) for each in lengths] == [3, 3, 9, 4, 3, 3, 3, 3]
    assert all(length > 50 for each in lengths for length in each)


def test_pointing_tells_the_update_and_its_lines(browser: Browser) -> None:
    told = point_at(browser, 0, update=3)
    assert told == [
        "Update 3",
        "as written 0.025 where 0.05 was due",
        "train.py:6 optimizer.step()",
        "after train.py:3 scheduler.step()",
        "as fixed 0.05",
        "train.py:5 as fixed optimizer.step()",
        "after train.py:6 as fixed scheduler.step()",
        "reference 0.05",
        "due at train.py:5 as fixed optimizer.step()",
    ]
    told = point_at(browser, 1, update=5)
    assert told[:2] == ["Update 5", "as written 0.0541667 where 0.108333 was due with its gradients"]
    assert told[-2:] == ["reference 0.108333", "due at train.py:5 as fixed optimizer.step()"]


def test_pointing_tells_the_latest_update_of_every_optimizer(browser: Browser) -> None:
    told = point_at(browser, 3, update=120)
    assert told[0] == "Update 120"
    assert told[1] == "as written: optimizer_g (update 119) 119"
    assert told[3] == f"as written: {NAME} 120"


def point_at(browser: Browser, plot: int, update: int) -> list[str]:
    """Move the mouse to where an update is in a plot, and return the lines told of it."""
    place = f"document.querySelectorAll('.plot')[{plot}]"
    browser.evaluate(f"{place}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
    x, y = browser.evaluate(
        f"(() => {{ const box = {place}.getBoundingClientRect(), layout = {place}._fullLayout, "
        f"at = layout.xaxis.l2p({update}) + layout.xaxis._offset; "
        "return [box.x + at, box.y + layout.yaxis._offset + layout.yaxis._length / 2]; })()"
    )
    readout = f"{place}.parentElement.querySelector('.readout')"
    browser.point_at(x - 5, y)
    browser.point_at(x, y)
    browser.wait_for(f"{readout}.textContent.startsWith('Update {update}')")
    lines: list[str] = browser.evaluate(f"{readout}.innerText").splitlines()
    return [line for line in lines if line]


def test_another_combination_can_be_chosen(browser: Browser) -> None:
    before = curves(browser, 4)
    browser.evaluate(
        "(() => { const choice = document.querySelector('select.pair'); "
        "choice.value = '1'; choice.dispatchEvent(new Event('change')); })()"
    )
    browser.wait_for("document.querySelectorAll('.plot')[4].calcdata.at(-1)[0].y === 0.1")
    after = curves(browser, 4)
    assert before["as written"][1] == [each.rates[0] for each in WRITTEN.updates]
    assert after["as written"][1] == [each.rates[0] for each in FIXED.updates]
    assert after["as fixed"] == before["as fixed"]


def test_page_is_silent_and_alone(browser: Browser, file: Path) -> None:
    assert browser.complaints == []
    assert browser.requests == [file.as_uri()]
    assert browser.evaluate("typeof attacked") == "undefined"
    assert browser.evaluate("document.querySelectorAll('img').length") == 0


def test_nothing_could_be_sent_away(browser: Browser, file: Path) -> None:
    titles = browser.evaluate("[...document.querySelectorAll('.modebar-btn')].map((each) => each.dataset.title)")
    assert set(titles) == {"Reset axes", "Download plot as a PNG"}


def test_complaints_of_a_page_are_noticed(tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text("<script>console.error('one'); nothing()</script><img src=gone.png>")
    with opened(bad) as browser:
        browser.wait_for("document.readyState === 'complete'")
        assert any("one" in each for each in browser.complaints)
        assert any("nothing is not defined" in each for each in browser.complaints)
        assert any("ERR_FILE_NOT_FOUND" in each for each in browser.complaints)


def test_page_is_wide_as_the_screen_in_the_dark(file: Path) -> None:
    with opened(file, width=360, height=740, dark=True) as browser:
        draw_all(browser)
        assert browser.evaluate("document.documentElement.scrollWidth") == 360
        colors = browser.evaluate(
            "[getComputedStyle(document.body).backgroundColor, document.querySelector('.plot')._fullLayout.font.color]"
        )
        assert colors == ["rgb(18, 22, 28)", "#e4e8ee"]
        browser.prefer("light")
        browser.wait_for("document.querySelector('.plot')._fullLayout.font.color === '#1d2430'")
        assert browser.complaints == []


def test_folded_finding_opens_by_its_link_and_draws_then(tmp_path: Path) -> None:
    path = tmp_path / "many.html"
    path.write_text(page_of(*[replay()] * 13, library=packed_library()), encoding="utf-8")
    with opened(path) as browser:
        assert browser.evaluate("document.querySelectorAll('details.finding[open]').length") == 0
        assert browser.evaluate("typeof Plotly") == "undefined"
        browser.evaluate("document.querySelector('a[href=\"#f9\"]').click()")
        browser.wait_for("document.querySelectorAll('#f9 .plot[data-drawn]').length === 2")
        assert browser.evaluate("document.querySelectorAll('.plot[data-drawn]').length") == 2
        assert browser.complaints == []


def test_missing_curve_and_a_departure_of_another_kind_are_told(tmp_path: Path) -> None:
    source, _, crash = replay()
    crash = replace(crash, original=(replace(WRITTEN, updates=()),), fixed=(WRITTEN,))
    unfixed = replace(crash, original=(FIXED,), fixed=())
    stuck = replace(crash, original=(FIXED,), fixed=(replace(FIXED, updates=()),))
    path = tmp_path / "missing.html"
    replays = [(source, finding_in(source), each) for each in (crash, unfixed, stuck)]
    path.write_text(page_of(*replays, library=packed_library()), encoding="utf-8")
    with opened(path) as browser:
        draw_all(browser)
        told = browser.evaluate("[...document.querySelectorAll('.remarks')].map((each) => each.textContent)")
        assert list(curves(browser, 0)) == ["reference", "as fixed"]
        departs = "What still sets the curve as fixed apart from the reference is not what this finding is about."
        assert told[:2] == [f"There is no curve as written: that run made no update. {departs}"] * 2
        assert told[2] == told[3] == "As written and the reference coincide."
        assert told[4] == (
            "As written and the reference coincide. There is no curve as fixed: that run made no update."
        )
        assert browser.complaints == []


def test_page_without_runs_needs_no_library(tmp_path: Path) -> None:
    source, finding, verified = replay()
    path = tmp_path / "none.html"
    path.write_text(page_of((source, finding, replace(verified, original=(), fixed=()))), encoding="utf-8")
    with opened(path) as browser:
        assert browser.evaluate("document.querySelectorAll('script').length") == 0
        assert browser.complaints == []
