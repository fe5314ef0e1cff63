"""Text as the formats other than JSON write it: without control characters, and with what has a meaning escaped."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

from optlint.report.columns import expand
from optlint.report.places import decodable

_LINES = re.compile(r"([\r\n])")
_GITHUB = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_GITHUB_PROPERTY = {**_GITHUB, ":": "%3A", ",": "%2C"}
_AZURE = {"%": "%AZP25", "\r": "%0D", "\n": "%0A"}
_AZURE_PROPERTY = {**_AZURE, "]": "%5D", ";": "%3B"}


def visible(text: str) -> str:
    """Return a text with control characters as escapes, all but the ends of lines; tabs as blanks."""
    return "".join(part if part in "\r\n" else expand(part) for part in _LINES.split(decodable(text)))


def github_message(text: str) -> str:
    """Return a text as the message of a workflow command."""
    return _replaced(text, _GITHUB)


def github_property(text: str) -> str:
    """Return a text as the value of a property of a workflow command."""
    return _replaced(text, _GITHUB_PROPERTY)


def azure_message(text: str) -> str:
    """Return a text as the message of a logging command."""
    return _replaced(text, _AZURE)


def azure_property(text: str) -> str:
    """Return a text as the value of a property of a logging command."""
    return _replaced(text, _AZURE_PROPERTY)


def xml_text(text: str) -> str:
    """Return a text as the content of an element, in ASCII; XML 1.0 has no way to write most control characters."""
    return _ascii(escape(visible(text), {"\r": "&#13;"}))


def xml_attribute(text: str) -> str:
    """Return a text as the value of an attribute with its quotes, in ASCII; ends of lines stay what they are."""
    return _ascii(quoteattr(visible(text)))


def _replaced(text: str, escapes: dict[str, str]) -> str:
    return "".join(escapes.get(character, character) for character in visible(text))


def _ascii(text: str) -> str:
    return text.encode("ascii", "xmlcharrefreplace").decode()
