"""What the reference says when it has none."""

from __future__ import annotations


class NoReferenceError(Exception):
    """An optimizer or a schedule whose mathematics is not known here; the message names its class."""
