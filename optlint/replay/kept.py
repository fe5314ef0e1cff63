"""Kept scripts: replay scripts as files that run alone with torch and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from optlint.program import metrics
from optlint.replay.script import ReplayScript
from optlint.replay.verify import Verified

_FILES = tuple(
    "numbers sizes conditions values factories modules gradients moves makers records arguments questions scaling "
    "casting metrics installing".split()
)
"""The stand-ins' files, each after those that it imports."""
_METRICS = Path(metrics.__file__)
"""What they know of the names of metrics."""
_IMPORTED = re.compile(r"^from (optlint\.|__future__ )[^(\n]*(\([^)]*\))?$", re.MULTILINE)

_PRELUDE = """\
import collections
import contextlib
import copy
import dataclasses
import functools
import itertools
import math
import random
import types

import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

standin = types.ModuleType("standin")
exec(_STANDIN, standin.__dict__)
standin.install()
torch.manual_seed(0)
torch.set_default_dtype(torch.{dtype})
{second}
isinstance = standin.is_instance
_say, _stepped = print, 0


def print(*args, **kwargs):
    pass  # what the code prints is left out


def _show(optimizer, args, kwargs):
    global _stepped
    _stepped += 1
    if _stepped <= 60:
        rates = [group.get("lr") for group in optimizer.param_groups]
        _say(f"update {_stepped}: {type(optimizer).__name__}, rates {rates}")


register_optimizer_step_pre_hook(_show)
"""


_SECOND = """\
standin.forget_moves("meta", (lambda: None).__code__.co_filename)  # `meta` stands for the device that is not here
"""


def kept_scripts(verified: Verified) -> Iterator[tuple[str, str]]:
    """Yield the file name and the text of each script of a finding: as written, and as fixed."""
    finding = verified.case.finding
    place = re.sub(r"[^A-Za-z0-9]+", "_", finding.location.path.stem).strip("_")
    start = finding.location.start
    stem = f"{finding.code}_{place}_{'' if start.cell is None else f'cell{start.cell}_'}{start.row}"
    for kind, script in (("as_written", verified.pair.original), ("as_fixed", verified.pair.fixed)):
        if isinstance(script, ReplayScript):
            yield f"{stem}_{kind}.py", _text(verified, script, kind.replace("_", " "))


def _text(verified: Verified, script: ReplayScript, kind: str) -> str:
    finding = verified.case.finding
    start = finding.location.start
    row = f"row {start.row}" if start.cell is None else f"cell {start.cell}, row {start.row}"
    lines = [
        f"{finding.code} ({finding.name}), {finding.location.path.name}, {row}, {kind}",
        "",
        finding.message,
        "",
        f"Verdict: {verified.verdict.sentence}",
    ]
    if verified.verdict.fix is not None:
        lines.append(f"The fix: {verified.verdict.fix_sentence}")
    if script.standins:
        lines += ["", "What stands in for what:"]
        lines += [f"  {each.name} for {each.replaced}" for each in script.standins]
    header = "\n".join(f"# {line}".rstrip() for line in lines)
    source = _standin()
    assert "'''" not in source
    second = _SECOND if verified.verdict.shapes_only else ""
    prelude = _PRELUDE.replace("{dtype}", verified.verdict.dtype or "float64").replace("{second}", second)
    return f"{header}\n\n_STANDIN = r'''{source}'''\n\n{prelude}\n\n# The replay.\n\n{script.body}"


def _standin() -> str:
    """The stand-ins as one program: their files in order, without what they import of each other."""
    folder = Path(__file__).with_name("standin")
    texts = [_IMPORTED.sub("", (folder / f"{name}.py").read_text(encoding="utf-8")) for name in _FILES]
    texts.insert(0, _IMPORTED.sub("", _METRICS.read_text(encoding="utf-8")))
    return "from __future__ import annotations\n" + re.sub(r"\n{4,}", "\n\n\n", "\n".join(texts))
