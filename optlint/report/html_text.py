"""Text from files as HTML: nothing in it can be markup or steer the page."""

from __future__ import annotations

import html
import re

from optlint.report.columns import expand

_QUOTED = re.compile(r"`([^`]*)`")


def escaped(text: str) -> str:
    """Return a line as HTML, for content and for attributes in double quotes.

    Control characters, lone surrogates and those that turn the direction of writing are shown as escapes.
    """
    return html.escape(expand(text), quote=True)


def prose(text: str) -> str:
    """Return a sentence as HTML, with what stands in backticks as code."""
    return _QUOTED.sub(r"<code>\1</code>", escaped(text))


def capitalised(text: str) -> str:
    """Return a sentence with its first letter in upper case, unless code begins it."""
    return text[:1].upper() + text[1:]
