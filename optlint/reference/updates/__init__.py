"""The update rules, one family a file."""

from __future__ import annotations

from typing import Any

from optlint.reference.update_rule import ClosureRule, UpdateRule
from optlint.reference.updates.adadelta import ADADELTA
from optlint.reference.updates.adafactor import ADAFACTOR
from optlint.reference.updates.adagrad import ADAGRAD
from optlint.reference.updates.adam import ADAM, ADAMW
from optlint.reference.updates.adamax import ADAMAX
from optlint.reference.updates.asgd import ASGD
from optlint.reference.updates.lbfgs import LBFGS
from optlint.reference.updates.muon import MUON
from optlint.reference.updates.nadam import NADAM
from optlint.reference.updates.radam import RADAM
from optlint.reference.updates.rmsprop import RMSPROP
from optlint.reference.updates.rprop import RPROP
from optlint.reference.updates.sgd import SGD
from optlint.reference.updates.sparse_adam import SPARSE_ADAM

RULES: dict[str, UpdateRule[Any, Any]] = {
    rule.name: rule
    for rule in (
        ADADELTA,
        ADAFACTOR,
        ADAGRAD,
        ADAM,
        ADAMAX,
        ADAMW,
        ASGD,
        MUON,
        NADAM,
        RADAM,
        RMSPROP,
        RPROP,
        SGD,
        SPARSE_ADAM,
    )
}
"""By the name of the class of torch.optim that computes the same."""

CLOSURE_RULES: dict[str, ClosureRule[Any, Any]] = {rule.name: rule for rule in (LBFGS,)}
"""The classes whose `step` calls a closure more than once; by name, likewise."""
