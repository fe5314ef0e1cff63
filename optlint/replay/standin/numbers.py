"""Numbers that names stand for, and how many elements and epochs there are where nobody knows."""

from __future__ import annotations

import re
from typing import Any

BATCHES = 2
"""Elements of an iterable that is a stand-in."""
EPOCHS = 6
"""How often a loop runs that nobody knows the length of, unless a schedule needs more (`cover`)."""

NUMBERS: tuple[tuple[str, Any], ...] = (
    (r"betas$", (0.9, 0.999)),
    (r"milestones?|lr_steps?$|decay_epochs$", [2, 4]),
    (r"(beta|b)_?1$", 0.9),
    (r"(beta|b)_?2$", 0.999),
    (r"mom(entum)?$", 0.9),
    (r"(weight_?decay|wd|l2(_?reg)?)$", 1e-2),
    (r"(^|_)eps(ilon)?$", 1e-8),
    (r"(gamma|decay_?rate|lr_?decay|factor|(^|_)decay)$", 0.5),
    (r"warm_?up", 2),
    (r"(step_?size|decay_?(step|every|epoch)s?|lr_?decay_?(step|epoch)s?|patience|lr_?step)$", 2),
    (r"(min_?lr|lr_?min|eta_?min)$", 1e-4),
    (r"(^|_)(lr|lrate|learning_?rate)(_?(init|base|max|min|head|backbone|encoder|decoder|g|d|gen|dis\w*|\d))?$", 0.1),
    (r"(start|begin|init|first|resume|last)_?(epoch|step|iter)", 0),
    (r"(global_?step|cur(rent)?_?(step|epoch|iter)|it(eration)?_?num)$", 0),
    (r"(t_?max|epochs?|n_?epochs?|num_?epochs?|nb_?epochs?|max_?epochs?|niter)$", EPOCHS),
    (r"accum\w*_(steps?|iters?|freq\w*|num)$|^(grad(ient)?_?)?accum(ulation|ulate)?(_steps?)?$", 2),
    (r"((max|total|num|n|train)_?(steps|iters|iterations|updates)|iterations|iters|steps)$", 12),
    (r"(max_?norm|clip|grad_?norm)", 1.0),
    (r"batch_?size|(^|_)bs$", 4),
    (r"(interval|freq(uency)?|every|n_?critic|d_?steps|g_?steps|critic_?iters)$", 2),
    (r"seed$", 0),
    (r"dropout|drop_?rate|smoothing", 0.0),
    (r"(dims?|size|channels?|hidden|width|num_?labels|latent|nz|ngf|ndf|nc|vocab)$", 4),
    (r"(in|out|num|n|hidden)_?(features|units|classes|filters|labels|outputs?|inputs?)$", 4),
    (r"(num|n)_?(layers?|blocks|heads)$|^depth$", 2),
)  # fmt: skip
"""What names stand for which numbers, the first that fits."""


_cover: dict[str, int] = {}


def cover(steps: int, batches: int = 0) -> None:
    """Let loops of unknown length see a schedule of so many steps, and loaders have so many batches."""
    _cover["epochs"] = steps
    _cover["batches"] = batches


def uncover() -> None:
    """Forget what is to be covered."""
    _cover.clear()


def element_count() -> int:
    """How many elements an iterable has that is a stand-in."""
    return max(BATCHES, _cover.get("batches", 0))


def number_for(name: str) -> Any:
    """Return the number that a name stands for, or None."""
    for pattern, value in NUMBERS:
        if re.search(pattern, name, re.IGNORECASE):
            if value == EPOCHS:
                return max(value, _cover.get("epochs", 0))
            return list(value) if isinstance(value, list) else value
    return None
