"""The codes that are no rules: what optlint says about files, comments and itself."""

from __future__ import annotations

from dataclasses import dataclass

from optlint.finding import Level


@dataclass(frozen=True, slots=True)
class Builtin:
    """A code that optlint itself reports; it is selected, ignored and suppressed as a rule is."""

    code: str
    name: str
    level: Level
    card: str


UNREADABLE_FILE = Builtin(
    "OPT001",
    "unreadable-file",
    Level.WARNING,
    """The file could not be analysed, so nothing is known about it.

The message names the reason and the remedy: null bytes, an encoding that does not decode, a syntax error, more
than 5 MB of text, expressions nested too deeply for the parser, or a missing permission.

In a notebook it may be a single cell that is no Python. The message names it, the other cells are checked, and what
this one may do to their objects is taken to be unknown.

Other files are checked as usual. `--select` does not switch this code off, because a file that was not read would
then look like a clean one; `--ignore OPT001` does.
""",
)

UNUSED_SUPPRESSION = Builtin(
    "OPT002",
    "unused-suppression",
    Level.NOTE,
    """An `# optlint: ignore[...]` comment silences nothing.

The code was mended, the rule was renamed, or the code is mistyped; the next real finding on that line would be
silenced unseen. Only codes that are selected in the run are judged, and `# noqa` comments never are: other tools
own them.

## Fix safety

Deleting the comment is safe where a whole folder was checked. For a file that was named alone the fix needs
`--unsafe-fixes`: the finding that the comment silences may come to light only through a caller in another file.
""",
)

INTERNAL_ERROR = Builtin(
    "OPT003",
    "internal-error",
    Level.ERROR,
    """A defect of optlint's: a rule, or optlint itself, raised an exception on this file.

The message names the rule. All other rules still ran, and the exit code is 2. Please report the message together
with the shortest file that shows it; `--ignore CODE` of the rule that is named helps until it is mended.
""",
)

BUILTINS = (UNREADABLE_FILE, UNUSED_SUPPRESSION, INTERNAL_ERROR)
"""In the order of their codes."""

ALWAYS_REPORTED = frozenset({UNREADABLE_FILE.code, INTERNAL_ERROR.code})
"""Codes that `select` does not switch off; `ignore` does."""
