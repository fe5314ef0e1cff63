"""The table of the mutation benchmark, one row a rule."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mutate.drawing import MOST_OF_A_RULE, MOST_REPLAYED
from mutate.trial import Harm, Outcome
from optlint.catalog import load_catalog

TABLE = Path(__file__).parent.parent / "mutate.md"


def markdown(outcomes: Sequence[Outcome], false: Sequence[str], injectable: Mapping[str, int]) -> str:
    """Return the text of `mutate.md`."""
    names = {entry.rule.code: entry.name for entry in load_catalog()}
    counted = [each for each in outcomes if each.harm is not Harm.NONE]
    places = Counter(each.mutant.place for each in counted)
    lines = [
        "# Injected misuse: how much is found, and how much of it is mended",
        "",
        "`make bench-mutate` writes this. Into right programs each rule's misuse is injected wherever it applies, at",
        f"most {MOST_OF_A_RULE} places a rule, drawn from each kind of place in turn. The programs are the `ok_*`",
        "fixtures, training loops of the corpus, and fixtures whose training loop was moved into a function, a class",
        "or another file, or whose epochs are counted otherwise, where a replay shows that no update changed.",
        "",
        f"Of a rule's mutants the first {MOST_REPLAYED}, and all that are missed, are replayed. One that is shown to",
        "run as the right program does is no misuse, and does not count; what is found and not replayed counts. The",
        f"last three columns speak of the first {MOST_REPLAYED}. *Harm shown*: a replay departs from that of the",
        "right program. *Restored*: with the fix, the replay is that of the right program, update by update; of those",
        "fixes where both could be replayed.",
        "",
        f"Python {platform.python_version()}, {len(counted)} mutants: "
        + ", ".join(f"{count} {place}" for place, count in sorted(places.items()))
        + ".",
        "",
        "| rule | name | mutants | found | recall | reported beside it | fixes | replayed | harm shown | restored |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    codes = sorted(injectable)
    lines += [
        _row(code, names.get(code, ""), [each for each in outcomes if each.mutant.code == code]) for code in codes
    ]
    lines.append(_row("all", "", list(outcomes)))
    by_place = Counter(each.mutant.place for each in counted if each.found)
    shares = ", ".join(f"{place} {_share(by_place[place], count)}" for place, count in sorted(places.items()))
    lines += [
        "",
        f"Falsely reported in the right programs: {'; '.join(false) or 'nothing'}.",
        f"Recall by place: {shares}.",
    ]
    return "\n".join(lines) + "\n"


def _row(code: str, name: str, outcomes: Sequence[Outcome]) -> str:
    counted = [each for each in outcomes if each.harm is not Harm.NONE]
    replayed = [each for each in counted if each.mutant.is_replayed]
    shown = sum(each.harm is Harm.SHOWN for each in replayed)
    found = sum(each.found for each in counted)
    extra = sum(len(each.extra) for each in counted)
    fixed = sum(each.fixed for each in counted)
    decided = [each for each in replayed if each.fixed and each.restored is not Harm.UNDECIDED]
    restored = sum(each.restored is Harm.NONE for each in decided)
    back = f"{restored} of {len(decided)}, {_share(restored, len(decided))}" if decided else "-"
    return (
        f"| {code} | {name} | {len(counted)} | {found} | {_share(found, len(counted))} | {extra} | {fixed} "
        f"| {len(replayed)} | {shown} | {back} |"
    )


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"


def complaints(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield a line for each mutant that was missed, has others reported beside it, or was not restored."""
    for each in outcomes:
        if each.harm is Harm.NONE:
            continue
        words = [] if each.found else ["missed"]
        words += [f"beside it {', '.join(each.extra)}"] if each.extra else []
        words += ["not restored"] if each.fixed and each.restored is Harm.SHOWN else []
        if words:
            at = each.mutant
            yield f"{at.code} {each.program} {at.file}:{at.row} ({at.place}, {each.harm.value}): {'; '.join(words)}"
