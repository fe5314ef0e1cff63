"""The first look at a file's bytes: most files are passed over before a rule, or anything else, is imported."""

from __future__ import annotations

LITERALS = (b"torch", b"lr_scheduler", b"LRScheduler", b"backward(", b"parameters(", b".requir", b"_requir", b"_grad")
"""Each group of triggers of each bundled rule has a token that holds one of these; a test sees to it."""

SUPPRESSION = b"optlint:"
"""What every comment for optlint holds."""


def may_matter(data: bytes) -> bool:
    """Say whether a bundled rule could report something in a file, or a comment there speaks to optlint.

    Holds for the bundled rules alone: with other packs installed, ask the rules themselves.
    """
    return SUPPRESSION in data or any(literal in data for literal in LITERALS)


def searchable(name: str, data: bytes) -> bytes:
    r"""Return the bytes of a file in which tokens are looked for: of a notebook, with `\u0062ackward` spelt out."""
    if not name.endswith(".ipynb") or b"\\u00" not in data:
        return data
    import re  # most calls do without

    return re.sub(rb"\\u00([2-7][0-9a-fA-F])", lambda found: bytes((int(found[1], 16),)), data)
