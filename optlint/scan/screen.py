"""The first look at a file's bytes: most files are passed over before a rule, or anything else, is imported."""

from __future__ import annotations

LITERALS = (
    # What has to do with torch holds one of these.
    *(b"torch", b"optim", b".step", b"grad", b"backward", b"parameters", b"lr_scheduler", b"_lr", b"LRScheduler"),
    # A few rules ask for no more than these.
    *(b"scaler", b"verbose", b".to(", b".to_empty(", b".cuda(", b".half(", b".double(", b"float(", b"float16("),
    *(b".xpu(", b".npu(", b".hpu("),
)
"""Each group of triggers of each bundled rule has a token that holds one of these; a test sees to it."""

SUPPRESSION = b"optlint:"
"""What every comment for optlint holds."""


def may_matter(data: bytes) -> bool:
    """Say whether a bundled rule could report something in a file, or a comment there speaks to optlint.

    Holds for the bundled rules alone: with other packs installed, ask the rules themselves.
    """
    return SUPPRESSION in data or any(literal in data for literal in LITERALS)
