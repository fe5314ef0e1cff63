"""What a script may name, what it does without, and names that tell what a value is."""

from __future__ import annotations

import re

BUILTINS = frozenset(
    "abs all any bool callable classmethod dict divmod enumerate filter float frozenset getattr hasattr id int "
    "isinstance issubclass iter len list map max min next object pow print property range repr reversed round set "
    "setattr slice sorted staticmethod str sum super tuple type zip Exception RuntimeError ValueError TypeError "
    "KeyError IndexError AttributeError StopIteration KeyboardInterrupt AssertionError NotImplementedError "
    "ImportError OSError".split()
)
GIVEN = frozenset("torch math functools itertools copy collections contextlib random dataclasses".split())
"""Modules that a script may use by name."""
AWAY = tuple(
    "torch.utils.data torch.load torch.save torch.hub torch.jit torch.distributed torch.onnx torch.utils.tensorboard "
    "torch.multiprocessing torch.nn.parallel torch.profiler".split()
)
"""What of torch a script does without: it reads, writes, or starts processes."""
OPTIMIZER_NAME = re.compile(r"(?i)(optimi[sz]er\w*|(^|[._])optim)$")
SCHEDULER_NAME = re.compile(r"(?i)sched\w*$")
WARM_UPS = {
    "get_linear_schedule_with_warmup": "linear_warm_up",
    "get_cosine_schedule_with_warmup": "cosine_warm_up",
}
"""Makers of schedules in transformers, and the stand-ins that make the same ones."""
