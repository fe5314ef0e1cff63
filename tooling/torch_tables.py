"""Write `optlint/torch_api/signatures.json` from the installed torch: what each class and function takes.

python tooling/torch_tables.py            write the table
python tooling/torch_tables.py --check    only say whether it is that of the installed torch
"""

from __future__ import annotations

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

TABLE = Path(__file__).parent.parent / "optlint" / "torch_api" / "signatures.json"
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
    """Write the table, or compare it; the exit code is 1 where it differs."""
    warnings.filterwarnings("ignore")
    if "--check" in sys.argv[1:]:
        same = TABLE.read_text("utf-8") == text()
        print(f"{TABLE.name} is {'that' if same else 'not that'} of torch {torch.__version__}")
        return 0 if same else 1
    TABLE.write_text(text(), "utf-8")
    print(f"wrote {TABLE.name} for torch {torch.__version__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
