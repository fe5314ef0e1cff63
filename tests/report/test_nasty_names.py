"""Names of files and messages that steer terminals, logs, pages and parsers come out of every format as text."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree

import pytest

from optlint.report.diff import file_diff
from optlint.report.formats import FORMATS
from optlint.report.html_finding import place_html
from optlint.report.html_text import prose
from reports_made import early_step, report_of, source_of, written

NAMES = {
    "with space.py": "with space.py",
    "\u00fcn\u00ef\u4e2d\u2603.py": "\u00fcn\u00ef\u4e2d\u2603.py",
    "esc\x1b[31m\x07.py": r"esc\x1b[31m\x07.py",
    "new\nline.py": r"new\nline.py",
    "carriage\rreturn.py": r"carriage\rreturn.py",
    "<script>alert(1)<b>.py": "<script>alert(1)<b>.py",
    "a%0Ab%25.py": "a%0Ab%25.py",
    "quote'\"`.py": "quote'\"`.py",
    "a,b;c:d.py": "a,b;c:d.py",
    "]]>&amp;].py": "]]>&amp;].py",
    "C:\\dos.py": "C:\\dos.py",
    "\u202egpj.py": r"\u202egpj.py",
    "bad\udcff.py": r"bad\xff.py",
    "::error::x.py": "::error::x.py",
    "##vso[task.complete].py": "##vso[task.complete].py",
    "\x85\x9b2J.py": r"\x85\x9b2J.py",
}
"""Each with what a person sees of it; typed by hand."""
MESSAGES = [
    "`model[i](x)` and `{'lr': 0.1}` and `{{}}`",
    "bad \x1b[2J\x07 `x`",
    "two\nlines\r\n::error::no %0A %25 %AZP25",
    "]]> <script>alert(1)</script> & \"quoted\" 'too'",
    "##vso[task.setvariable variable=a]b; ::set-output name=x::y",
    "\u202eturned\u2066 \x85 \x9b31m \ufffe \u4e2d",
]


@dataclass(frozen=True)
class Told:
    """What a reader of a format has after parsing: name of the file, line, message."""

    path: str
    line: int
    message: str


def from_json(text: str) -> list[Told]:
    return [Told(each["filename"], each["location"]["row"], each["message"]) for each in json.loads(text)]


def from_json_lines(text: str) -> list[Told]:
    return from_json("[" + ",".join(text.splitlines()) + "]")


def from_gitlab(text: str) -> list[Told]:
    return [
        Told(each["location"]["path"], each["location"]["lines"]["begin"], each["description"].removeprefix("OPT101: "))
        for each in json.loads(text)
    ]


def from_sarif(text: str) -> list[Told]:
    found = []
    for result in json.loads(text)["runs"][0]["results"]:
        physical = result["locations"][0]["physicalLocation"]
        uri = physical["artifactLocation"]["uri"]
        assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", uri)
        path = os.fsdecode(unquote_to_bytes(uri))
        message = result["message"]["text"].replace("{{", "{").replace("}}", "}")
        assert not re.search(r"(?<!\\)\]\(", message), "a link"
        found.append(Told(path, physical["region"]["startLine"], message.replace(r"\](", "](")))
    return found


def from_rdjson(text: str) -> list[Told]:
    return [
        Told(
            each["location"]["path"],
            each["location"]["range"]["start"]["line"],
            each["message"].partition("\nfix: ")[0],
        )
        for each in json.loads(text)["diagnostics"]
    ]


def from_junit(text: str) -> list[Told]:
    cases = ElementTree.fromstring(text.encode()).iter("testcase")
    return [Told(case.attrib["file"], int(case.attrib["line"]), case[0].attrib["message"]) for case in cases]


def from_github(text: str) -> list[Told]:
    """Read as the runner does: properties end at `::`, are divided by commas, and unescaped after that."""
    found = []
    for line in text.split("\n")[:-1]:
        head, _, message = line.removeprefix("::error ").partition("::")
        properties = dict(item.split("=", 1) for item in head.split(","))
        path = _unescaped(properties["file"], {"%3A": ":", "%2C": ",", "%0D": "\r", "%0A": "\n"}, "%25")
        found.append(Told(path, int(properties["line"]), _unescaped(message, {"%0D": "\r", "%0A": "\n"}, "%25")))
    return found


def from_azure(text: str) -> list[Told]:
    """Read as the agent does: the command ends at the first `]`, properties are divided by semicolons."""
    found = []
    for line in text.split("\n")[:-1]:
        head, _, message = line.removeprefix("##vso[task.logissue ").partition("]")
        properties = dict(item.split("=", 1) for item in head.split(";"))
        escapes = {"%3B": ";", "%5D": "]", "%0D": "\r", "%0A": "\n"}
        path = _unescaped(properties["sourcepath"], escapes, "%AZP25")
        message = _unescaped(message, {"%0D": "\r", "%0A": "\n"}, "%AZP25")
        found.append(Told(os.path.relpath(path), int(properties["linenumber"]), message))
    return found


def _unescaped(text: str, escapes: dict[str, str], percent: str) -> str:
    for code, character in escapes.items():
        text = text.replace(code, character)
    return text.replace(percent, "%")


def from_lines(pattern: str) -> Callable[[str], list[Told]]:
    def parse(text: str) -> list[Told]:
        found = []
        for line in text.split("\n")[:-1]:
            match = re.fullmatch(pattern, line)
            assert match, line
            found.append(Told(match["path"], int(match["row"]), match["message"]))
        return found

    return parse


def from_grouped(text: str) -> list[Told]:
    head, line, *rest = text.split("\n")
    match = re.fullmatch(r"  (?P<row>\d+):\d+  error OPT101 \[unsafe\] (?P<message>.*)", line)
    assert match
    assert rest == ["", ""]
    return [Told(head.removesuffix(":"), int(match["row"]), match["message"])]


def from_full(text: str) -> list[Told]:
    return from_lines(CONCISE)(text.partition("\n")[0] + "\n")


CONCISE = r"(?P<path>.*):(?P<row>\d+):\d+: error OPT101 \[unsafe\] (?P<message>.*)"
PARSERS: dict[str, Callable[[str], list[Told]]] = {
    "full": from_full,
    "concise": from_lines(CONCISE),
    "grouped": from_grouped,
    "json": from_json,
    "jsonl": from_json_lines,
    "github": from_github,
    "gitlab": from_gitlab,
    "sarif": from_sarif,
    "rdjson": from_rdjson,
    "junit": from_junit,
    "azure": from_azure,
    "pylint": from_lines(r"(?P<path>.*):(?P<row>\d+): \[OPT101\] (?P<message>.*)"),
}
EXACT_NAMES = {"json", "jsonl", "gitlab", "rdjson", "sarif"}
"""Here control characters are escaped by the syntax itself, so that a program reads the very name."""
KEEPS_LINES = {"github", "azure"}
"""Here the syntax has escapes for the ends of lines and for no other control character."""
RAW_MESSAGES = {"json", "jsonl"}


def test_all_formats_are_parsed_back() -> None:
    assert set(PARSERS) == set(FORMATS)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for variable in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


@pytest.mark.parametrize("name", NAMES, ids=ascii)
@pytest.mark.parametrize("form", PARSERS)
def test_a_name_comes_out_as_it_is_or_as_people_see_it(folder: Path, form: str, name: str) -> None:
    source = source_of(folder / name)
    text = written(form, report_of([early_step(source)], source))
    expected = NAMES[name]
    if form == "sarif":
        expected = name
    elif form in EXACT_NAMES:
        expected = name.replace("\udcff", r"\xff")
    elif form in KEEPS_LINES:
        expected = expected.replace(r"\n", "\n").replace(r"\r", "\r") if "\n" in name or "\r" in name else expected
    [told] = PARSERS[form](text)
    assert (told.path, told.line) == (expected, 4)
    assert_harmless(text)


@pytest.mark.parametrize("message", MESSAGES, ids=ascii)
@pytest.mark.parametrize("form", PARSERS)
def test_a_message_comes_out_as_it_is_or_as_people_see_it(folder: Path, form: str, message: str) -> None:
    source = source_of(folder / "a.py")
    text = written(form, report_of([early_step(source, message)], source))
    seen = "".join(
        character if character in "\r\n" or form in RAW_MESSAGES else _seen(character) for character in message
    )
    if form in ("full", "concise", "grouped", "pylint"):
        seen = seen.replace("\r", r"\r").replace("\n", r"\n")
    [told] = PARSERS[form](text)
    assert told.message == seen
    assert_harmless(text)


def _seen(character: str) -> str:
    """Return what takes the place of a character that cannot be shown."""
    is_shown = unicodedata.category(character)[0] not in "CZ" or character == " "
    return character if is_shown else repr(character)[1:-1]


def assert_harmless(text: str) -> None:
    """No control character but the ends of lines, none that turns the writing, and nothing that has no UTF-8."""
    text.encode()
    assert [each for each in text if unicodedata.category(each) in ("Cc", "Cf", "Cs") and each != "\n"] == []


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_page_shows_names_as_text(folder: Path, name: str) -> None:
    source = source_of(folder / name)
    html = place_html(early_step(source)).replace("<wbr>", "")
    assert_harmless(html)
    assert "<" not in html
    read = ElementTree.fromstring(f"<p>{html}</p>").text
    assert read == f"{NAMES[name]}:4:5"


@pytest.mark.parametrize("message", MESSAGES, ids=ascii)
def test_a_page_shows_messages_as_text(message: str) -> None:
    html = prose(message)
    assert_harmless(html)
    assert set(re.findall(r"<[^>]*>", html)) <= {"<code>", "</code>"}


def headers(name: str) -> Iterator[str]:
    yield from list(file_diff(name, "a\n", "b\n"))[:2]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_diff_names_a_file_on_one_line_as_patch_reads_it(name: str) -> None:
    old, new = headers(name)
    assert_harmless(old)
    assert old.count("\n") == new.count("\n") == 1
    assert new == old.replace("---", "+++")
    read = old.removeprefix("--- ").removesuffix("\n")
    if read.startswith('"'):
        body = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), read[1:-1])
        plain = {r"\n": "\n", r"\r": "\r", r"\t": "\t", r"\"": '"', r"\\": "\\"}
        body = re.sub(r"\\[nrt\"\\]", lambda found: plain[found[0]], body)
        read = os.fsdecode(body.encode("latin-1"))
    assert read == name
