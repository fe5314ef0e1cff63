"""Parameters that only a stand-in supposes: a module that nobody knows may consist of the parts that the code names."""

from __future__ import annotations

from torch import Tensor, nn

from optlint.replay.roster import Roster
from optlint.replay.standin.modules import Model

_SEVERAL = 2


def is_supposed(roster: Roster, parameter: Tensor) -> bool:
    """Whether a parameter is a stand-in's own, beside several parts of it that optimizers hold.

    Beside one such part, a head, there surely is a rest; several may be all there is.
    """
    home = roster.home(parameter)
    if not isinstance(home, Model):
        return False
    parts = (each for each in vars(home)["_modules"].values() if each is not None)
    held = (roster.holders(map(id, nn.Module.parameters(each))) for each in parts)
    return sum(map(bool, held)) >= _SEVERAL
