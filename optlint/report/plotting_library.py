"""The plotting library: the javascript of plotly, packed so that a page carries it once and in a third of its size."""

from __future__ import annotations

import base64
import importlib
import importlib.util
import zlib


def has_plotting_library() -> bool:
    """Say whether plotly is installed."""
    return importlib.util.find_spec("plotly") is not None


def packed_library() -> str:
    """Return plotly's javascript, deflated (RFC 1950) and in base64; browsers unpack it by themselves.

    Raises:
        ImportError: plotly is not installed.
    """
    javascript: str = importlib.import_module("plotly.offline").get_plotlyjs()
    return base64.b64encode(zlib.compress(javascript.encode(), 9)).decode("ascii")
