"""Small notebooks for tests, as documents and as texts."""

from __future__ import annotations

import json
from typing import Any

PYTHON: dict[str, Any] = {"kernelspec": {"name": "python3"}, "language_info": {"name": "python"}}


def lines(text: str) -> list[str]:
    """Return a text as notebooks hold it: a list with a string for each line."""
    return text.splitlines(keepends=True)


def code(text: str, **more: Any) -> dict[str, Any]:
    """Return a code cell that has been run."""
    output = {"name": "stdout", "output_type": "stream", "text": ["\x1b[31mgrößer\x1b[0m <b>\n"]}
    return {
        "cell_type": "code",
        "execution_count": 7,
        "metadata": {"scrolled": True},
        "outputs": [output],
        "source": lines(text),
        **more,
    }


def markdown(text: str) -> dict[str, Any]:
    """Return a cell of text."""
    return {"cell_type": "markdown", "metadata": {}, "source": lines(text)}


def document(*cells: dict[str, Any], metadata: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a notebook of nbformat 4."""
    return {"cells": list(cells), "metadata": metadata or PYTHON, "nbformat": 4, "nbformat_minor": 4}


def dumped(notebook: dict[str, Any], **options: Any) -> bytes:
    """Return a notebook as Jupyter writes it, or as other programs do."""
    return (json.dumps(notebook, **{"indent": 1, "ensure_ascii": False, **options}) + "\n").encode()
