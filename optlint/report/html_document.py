"""The frame of a page: one file that opens without a network, with the style, the plots and what draws them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from optlint import __version__
from optlint.report.html_text import escaped
from optlint.report.plots import Plots

FIRST_LINE = "<!doctype html>"
"""By which a file is known as one that a report may take the place of."""

_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "form-action 'none'; base-uri 'none'"
)
"""Nothing is fetched from anywhere, whatever the page holds."""


def html_document(title: str, body: Sequence[str], plots: Plots, library: str) -> str:
    """Return a page.

    Args:
        title: Of the page.
        body: Its elements.
        plots: What is drawn in the elements of the class `plot`.
        library: Of `optlint.report.plotting_library.packed_library`.
    """
    has_plots = any('class="plot"' in part for part in body)
    parts = [*_head(title), *body, *(_plotting(plots, library) if has_plots else ()), "</body></html>"]
    return "\n".join(parts) + "\n"


def _head(title: str) -> Iterator[str]:
    yield FIRST_LINE
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="color-scheme" content="light dark">'
    yield f'<meta name="generator" content="optlint {__version__}">'
    yield f"<title>{escaped(title)}</title><style>{_beside('page.css')}</style></head><body>"


def _plotting(plots: Plots, library: str) -> Iterator[str]:
    yield "<noscript><p>The plots need javascript; all else is here without it.</p></noscript>"
    yield f'<script type="application/json" id="data">{plots.as_json()}</script>'
    yield f'<script type="text/plain" id="library">{library}</script>'
    yield f"<script>{_beside('page_curves.js')}{_beside('page.js')}</script>"


def _beside(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8")
