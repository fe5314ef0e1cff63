"""The installed command, called as a person calls it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

COMMAND = Path(sys.executable).with_name("optlint")

CLEAN = """\
import torch

model = torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(5):
    optimizer.zero_grad()
    model(torch.randn(8, 3)).pow(2).mean().backward()
    optimizer.step()
"""
LEAKING = CLEAN.replace("    optimizer.zero_grad()\n", "")
"""Has one fault: OPT103 at `optimizer.step()`, or where the gradients come from."""


def optlint(
    folder: Path, *arguments: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Call the command in a folder; no setting of the person who runs the tests counts."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "_OPTLINT"))}
    return subprocess.run(
        [str(COMMAND), *arguments],
        cwd=folder,
        env=kept | {"GIT_CONFIG_GLOBAL": os.devnull} | (environment or {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
