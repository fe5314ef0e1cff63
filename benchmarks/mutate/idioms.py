"""The lines of a training program that mutations take hold of, known by their wording alone.

This knows nothing of optlint's own understanding of a program, so that what one overlooks the other may see.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import libcst as cst

from mutate.tree import Line, Tree

OPTIMIZERS = frozenset(
    "ASGD Adadelta Adafactor Adagrad Adam AdamW Adamax LBFGS Muon NAdam RAdam RMSprop Rprop SGD SparseAdam".split()
)
SCHEDULERS = frozenset(
    """LambdaLR MultiplicativeLR StepLR MultiStepLR ConstantLR LinearLR ExponentialLR SequentialLR PolynomialLR
    CosineAnnealingLR ChainedScheduler ReduceLROnPlateau CyclicLR CosineAnnealingWarmRestarts OneCycleLR""".split()
)
_OPTIMIZER = re.compile(r"(?i)(^|[._])(opt|optim|optimi[sz]er)(s|_\w+|[0-9A-Z]\w*)?$|_opt$|_optimizer$")
SCHEDULER = re.compile(r"(?i)sched|warmup|plateau|cosine|swa_lr")
_STEP = re.compile(r"(?i)opt\w*\.step\(|scaler\.step\(|update\(")
_SCALER = re.compile(r"(?i)scaler")
_MODULE = re.compile(r"(?i)(^|[._])(model|net|module|network|classifier|encoder|decoder|generator|discriminator)$")


@dataclass(frozen=True, slots=True)
class Made:
    """An object that an assignment makes: what it is called, its class's name, and the call."""

    line: Line
    name: str
    kind: str
    call: cst.Call


@dataclass(frozen=True, slots=True)
class Update:
    """A backward and the step that uses it, in one block of a loop; `clearing` if that stands there, too."""

    backward: Line
    loss: str
    step: Line
    optimizer: str
    clearing: Line | None
    loop: cst.For | cst.While


class Idioms:
    """What is to be seen in one text of a program, whose texts together are `whole`."""

    def __init__(self, tree: Tree, whole: str) -> None:
        self.tree = tree
        self.whole = whole

    @cached_property
    def _methods(self) -> tuple[tuple[Line, str, str, cst.Call], ...]:
        found = []
        for line in self.tree.lines:
            call = line.call
            if call is not None and isinstance(call.func, cst.Attribute):
                found.append((line, self.tree.code(call.func.value), call.func.attr.value, call))
        return tuple(found)

    def method(self, name: str, receiver: re.Pattern[str] | None = None) -> list[tuple[Line, str, cst.Call]]:
        """Return the lines that call a method, with the receivers' texts, in the order of the text."""
        return [
            (line, owner, call)
            for line, owner, method, call in self._methods
            if method == name and (receiver is None or receiver.search(owner))
        ]

    @cached_property
    def made(self) -> tuple[Made, ...]:
        """The optimizers, schedulers and scalers that assignments make."""
        found = []
        for line in self.tree.lines:
            if line.assigned is None:
                continue
            target, value = line.assigned
            if isinstance(value, cst.Call) and not isinstance(target, cst.Tuple | cst.List):
                kind = self.tree.code(value.func).rpartition(".")[2]
                if (kind in OPTIMIZERS or kind in SCHEDULERS or kind == "GradScaler") and self.is_torch(kind):
                    found.append(Made(line, self.tree.code(target), kind, value))
        return tuple(found)

    def is_torch(self, kind: str) -> bool:
        """Whether a class of that name is torch's, and none of the program or of another package."""
        foreign = rf"class {kind}\b|from (?!torch)[\w.]+ import [^\n]*\b{kind}\b"
        return re.search(foreign, self.whole) is None

    @property
    def optimizers(self) -> list[Made]:
        """The optimizers that are made."""
        return [each for each in self.made if each.kind in OPTIMIZERS]

    @property
    def schedulers(self) -> list[Made]:
        """The schedulers that are made, without those that others are composed of."""
        schedulers = [each for each in self.made if each.kind in SCHEDULERS]
        composed = [each for each in schedulers if each.kind in ("SequentialLR", "ChainedScheduler")]
        texts = [self.tree.code(each.call) for each in composed]
        return [
            each
            for each in schedulers
            if each in composed or not any(re.search(rf"\b{re.escape(each.name)}\b", text) for text in texts)
        ]

    def steps(self) -> list[tuple[Line, str]]:
        """Return the lines that step an optimizer, directly or through a scaler, with the optimizer's text."""
        found = []
        for line, owner, call in self.method("step"):
            if _SCALER.search(owner) and call.args:
                found.append((line, self.tree.code(call.args[0].value)))
            elif self.is_optimizer(owner) and not SCHEDULER.search(owner):
                found.append((line, owner))
        return found

    def plain_steps(self) -> list[tuple[Line, str]]:
        """Return the lines that step an optimizer by itself, without a closure."""
        return [
            (line, owner)
            for line, owner, call in self.method("step")
            if not call.args and self.is_optimizer(owner) and not SCHEDULER.search(owner)
        ]

    def scheduler_steps(self) -> list[tuple[Line, str, cst.Call]]:
        """Return the lines that step a scheduler of torch, in a program that steps an optimizer.

        A scheduler is torch's if somewhere in the program a class of torch is assigned to its name.
        """
        if not _STEP.search(self.whole):
            return []
        kinds = "|".join(kind for kind in sorted(SCHEDULERS) if self.is_torch(kind))
        named = re.findall(rf"(\w+) *(?::[^=\n]*)?= *(?:[\w.]+\.)?(?:{kinds})\(", self.whole)
        return [each for each in self.method("step") if each[1].rpartition(".")[2] in named]

    def clearings(self) -> list[tuple[Line, str]]:
        """Return the lines that clear gradients by `zero_grad`."""
        return [(line, owner) for line, owner, _ in self.method("zero_grad")]

    def backwards(self) -> list[tuple[Line, str]]:
        """Return the lines that run a backward of a loss, scaled or not."""
        return [
            (line, owner) for line, owner, _ in self.method("backward") if not owner.endswith(("accelerator", "fabric"))
        ]

    def clippings(self) -> list[tuple[Line, cst.Call]]:
        """Return the lines that clip gradients by norm or by value."""
        found = []
        for line in self.tree.lines:
            call = line.call
            if call is not None and self.tree.code(call.func).endswith(("clip_grad_norm_", "clip_grad_value_")):
                found.append((line, call))
        return found

    def is_optimizer(self, name: str) -> bool:
        """Whether a name stands for an optimizer."""
        return bool(_OPTIMIZER.search(name)) or any(each.name == name for each in self.optimizers)

    def is_module(self, name: str) -> bool:
        """Whether a name stands for a model."""
        return bool(_MODULE.search(name))

    def top_of(self, loop: cst.For | cst.While) -> cst.BaseStatement | None:
        """Return the first statement of a loop's body."""
        return loop.body.body[0] if isinstance(loop.body, cst.IndentedBlock) else None

    def end_of(self, loop: cst.For | cst.While) -> cst.BaseStatement | None:
        """Return the last statement of a loop's body."""
        return loop.body.body[-1] if isinstance(loop.body, cst.IndentedBlock) else None

    def sequential(self, model: str) -> cst.Call | None:
        """Return the call of `nn.Sequential` that makes a model, or None."""
        for line in self.tree.lines:
            if line.assigned is not None and self.tree.code(line.assigned[0]) == model:
                value = line.assigned[1]
                if isinstance(value, cst.Call) and self.tree.code(value.func).endswith("Sequential") and value.args:
                    return value
        return None

    def plain_updates(self) -> Iterator[Update]:
        """Yield the updates of which backward and step stand in one block of a loop, one optimizer and one loss."""
        for step, optimizer in self.plain_steps():
            block = self.tree.block(step.node)
            above = block[: block.index(step.node)]
            own = [(line, loss) for line, loss in self.backwards() if line.node in above and loss.isidentifier()]
            loops = self.tree.loops(step.node)
            if len(own) == 1 and loops and len([each for each, _ in self.steps() if each.node in block]) == 1:
                clearing = next(
                    (line for line, owner in self.clearings() if owner == optimizer and line.node in block), None
                )
                yield Update(own[0][0], own[0][1], step, optimizer, clearing, loops[0])

    def argument(self, call: cst.Call, name: str) -> cst.Arg | None:
        """Return a call's argument by keyword."""
        return next((each for each in call.args if each.keyword is not None and each.keyword.value == name), None)


def again(idioms: Idioms, text: str) -> Idioms:
    """Return what is to be seen in another text of the same program."""
    return Idioms(Tree(text), idioms.whole.replace(idioms.tree.text, text))


def texts(lines: list[tuple[Line, str]]) -> Iterator[str]:
    """Yield the receivers, each once."""
    return iter(dict.fromkeys(owner for _, owner in lines))


def mentions(text: str, name: str) -> bool:
    """Whether a text has a name in it, as a word of its own."""
    return re.search(rf"(?<![\w.]){re.escape(name)}\b", text) is not None
