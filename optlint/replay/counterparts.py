"""Which object of one run is which of another: of the code as written, and as fixed."""

from __future__ import annotations

from optlint.replay.trace import Kind, Trace


def counterparts(original: Trace, fixed: Trace) -> dict[int, int]:
    """Which object of the fixed run is which of the original one: by kind and name, else by kind and order."""
    found: dict[int, int] = {}
    for kind in Kind:
        ours = [each for each in original.things if each.kind is kind]
        theirs = [each for each in fixed.things if each.kind is kind]
        for each in list(ours):
            same = next((other for other in theirs if each.label and other.label == each.label), None)
            if same is not None:
                found[each.number] = same.number
                ours.remove(each)
                theirs.remove(same)
        found.update((each.number, other.number) for each, other in zip(ours, theirs, strict=False))
    return found
