"""Write the tables of `optlint/torch_api/` from the installed torch: what it takes, and what it raises.

python tooling/torch_tables.py                       write `signatures.json` and `raises.json`
python tooling/torch_tables.py --check               only say whether they are those of the installed torch
python tooling/torch_tables.py --releases FOLDER     also write `history.json` from the sources of other releases,
                                                     laid out as `torch_history.py` says
"""

from __future__ import annotations

import argparse
import inspect
import json
import math
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch.optim import Optimizer, lr_scheduler, swa_utils

FOLDER = Path(__file__).parent.parent / "optlint" / "torch_api"
TABLE = FOLDER / "signatures.json"
FUNCTIONS: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("torch.amp.GradScaler", torch.amp.GradScaler),
    ("torch.amp.GradScaler.scale", torch.amp.GradScaler.scale),
    ("torch.amp.GradScaler.step", torch.amp.GradScaler.step),
    ("torch.amp.GradScaler.unscale_", torch.amp.GradScaler.unscale_),
    ("torch.amp.GradScaler.update", torch.amp.GradScaler.update),
    ("torch.nn.utils.clip_grad_norm_", torch.nn.utils.clip_grad_norm_),
    ("torch.nn.utils.clip_grad_value_", torch.nn.utils.clip_grad_value_),
)
"""What is no optimizer or scheduler, and what rules ask for all the same."""


def table() -> dict[str, Any]:
    """Return the table of the installed torch, as JSON has it."""
    found = {**dict(_optimizers()), **dict(_schedulers()), **{name: _described(each) for name, each in FUNCTIONS}}
    return {"torch": torch.__version__.partition("+")[0], "signatures": found}


def text() -> str:
    """Return the table as the file holds it: one line for each class or function, which diffs well."""
    data = table()
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(each)}" for name, each in sorted(data["signatures"].items()))
    return f'{{"torch": {json.dumps(data["torch"])}, "signatures": {{\n{lines}\n}}}}\n'


def _optimizers() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, each in sorted(vars(torch.optim).items()):
        if inspect.isclass(each) and issubclass(each, Optimizer) and each is not Optimizer:
            parameter = torch.nn.Parameter(torch.zeros(2, 2))
            made = each([parameter])  # type: ignore[call-arg]  # each class has a default for all else
            yield (
                f"torch.optim.{name}",
                {
                    **_described(each),
                    "step": _parameters(inspect.unwrap(each.step)),
                    "group_keys": [key for key in made.param_groups[0] if key != "params"],
                    "state_on_init": sorted(made.state.get(parameter, ())),
                },
            )


def _schedulers() -> Iterator[tuple[str, dict[str, Any]]]:
    for module in (lr_scheduler, swa_utils):
        for name, each in sorted(vars(module).items()):
            own = inspect.isclass(each) and each.__module__ == module.__name__
            if own and issubclass(each, lr_scheduler.LRScheduler):
                yield f"{module.__name__}.{name}", {**_described(each), "step": _parameters(each.step)}


def _described(function: Callable[..., Any]) -> dict[str, Any]:
    return {"parameters": _parameters(function.__init__ if inspect.isclass(function) else function)}


def _parameters(function: Callable[..., Any]) -> list[dict[str, Any]]:
    """Return the parameters without `self`; one that has no default has no key `default`."""
    return [
        {"name": each.name, **_default(each.default), **({"keyword_only": True} if _by_keyword(each) else {})}
        for each in inspect.signature(function).parameters.values()
        if each.name != "self"
    ]


def _by_keyword(parameter: inspect.Parameter) -> bool:
    return parameter.kind in (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD)


def _default(value: object) -> dict[str, Any]:
    if value is inspect.Parameter.empty:
        return {}
    if isinstance(value, float) and not math.isfinite(value):
        return {"default": repr(value)}
    return {"default": list(value) if isinstance(value, tuple) else value}


def main() -> int:
    """Write the tables, or compare them; the exit code is 1 where one differs."""
    import torch_history
    import torch_raises

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="only say whether the tables are those of this torch")
    parser.add_argument("--releases", type=Path, metavar="FOLDER", help="sources of several releases of torch")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    same = True
    for name, written in (("signatures.json", text), ("raises.json", torch_raises.text)):
        same = _kept(FOLDER / name, written(), options.check) and same
    if options.releases is not None:
        try:
            history = torch_history.text(torch_history.history(options.releases))
        except torch_history.UnreadableError as error:
            sys.exit(str(error))
        same = _kept(FOLDER / "history.json", history, options.check) and same
    return 0 if same else 1


def _kept(file: Path, data: str, check: bool) -> bool:
    """Write a table, or say whether it is as it should be; return False where it is not."""
    same = file.is_file() and file.read_text("utf-8") == data
    if check:
        print(f"{file.name} is {'that' if same else 'not that'} of torch {torch.__version__}")
        return same
    file.write_text(data, "utf-8")
    print(f"{'kept' if same else 'wrote'} {file.name} for torch {torch.__version__}")
    return True


if __name__ == "__main__":
    sys.exit(main())
