"""The entry point of the command `optlint`."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Run the command line on `sys.argv` and return the exit code."""
    from optlint.quick import is_clean

    if sys.stdout is None or sys.stderr is None:  # the caller has closed them
        _open_missing()
    try:
        if is_clean(sys.argv[1:]):
            sys.stdout.flush()
            return 0
        from optlint.cli.main import run

        return run()
    except BrokenPipeError:  # the reader of a pipe has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


def _open_missing() -> None:
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115 (open until the end, and no pathlib)


if __name__ == "__main__":
    sys.exit(main())
