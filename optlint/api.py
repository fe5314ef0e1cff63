"""All that a rule may import. Packs of other authors use it too, so names are added here and seldom taken away.

A pack is a package, registered under the entry point group `optlint.rules`; each module below it that defines `RULE`
is a rule. `VERSION` counts the changes that break packs; a pack may define `REQUIRES_API`.
"""

from optlint.finding import Level
from optlint.program.definitions import Definitions
from optlint.program.events import Act, Event
from optlint.program.lengths import Length, made_of, number_of, product_of, ratio, ratio_by_default
from optlint.program.metrics import metric_direction
from optlint.program.modules import ClassInfo, FunctionNode, ModuleInfo
from optlint.program.objects import (
    Confidence,
    Model,
    Object,
    Optimizer,
    Parameter,
    ParameterIterator,
    ParameterSource,
    Place,
    Scaler,
    Scheduler,
    Selection,
    canonical,
)
from optlint.program.parameter_groups import GivenGroup
from optlint.program.program import Entry, Program
from optlint.program.regions import Branch, Loop, Try, Unrolled
from optlint.program.regions import events as events_in
from optlint.program.scheduling import Argument, Construction
from optlint.program.values import Const
from optlint.property.alphabet import (
    ITERATOR,
    OPTIMIZER,
    SCHEDULER,
    Binding,
    EventPattern,
    Role,
    add_group,
    backward,
    clear,
    consume,
    freeze,
    move,
    new,
    replace,
    step,
    unfreeze,
)
from optlint.property.loops import enclosing
from optlint.property.patterns import (
    Absence,
    Alternation,
    Existence,
    Precedence,
    Property,
    Query,
    Response,
)
from optlint.property.repetition import Repetition, repetition
from optlint.property.roles import driven
from optlint.property.succession import may_follow
from optlint.property.surroundings import (
    block_of,
    enclosing_function,
    enclosing_loops,
    enclosing_statement,
    outermost_loop,
    parent,
    same_function,
)
from optlint.property.used import Used
from optlint.property.violation import Violation
from optlint.rule import Evidence, Repair, Rule
from optlint.source.edits import Applicability, Edit
from optlint.syntax.editor import CannotEditError, Editor, Edits
from optlint.torch_api.changes import Change, Dates, dates, since
from optlint.torch_api.group_keys import meant_key
from optlint.torch_api.raises import Refusal, exception_of, raised_for_late_group, refused, takes_one_for_each_group
from optlint.torch_api.releases import Release, TorchRange, written
from optlint.torch_api.signatures import Formal, Signature, optimizer_signature, scheduler_signature, signatures
from optlint.torch_api.tables import SchedulerFacts, Tables, tables

VERSION = 1

SAFE, UNSAFE, DISPLAY = Applicability.SAFE, Applicability.UNSAFE, Applicability.DISPLAY

__all__ = [
    "DISPLAY",
    "ITERATOR",
    "OPTIMIZER",
    "SAFE",
    "SCHEDULER",
    "UNSAFE",
    "VERSION",
    "Absence",
    "Act",
    "Alternation",
    "Applicability",
    "Argument",
    "Binding",
    "Branch",
    "CannotEditError",
    "Change",
    "ClassInfo",
    "Confidence",
    "Const",
    "Construction",
    "Dates",
    "Definitions",
    "Edit",
    "Editor",
    "Edits",
    "Entry",
    "Event",
    "EventPattern",
    "Evidence",
    "Existence",
    "Formal",
    "FunctionNode",
    "GivenGroup",
    "Length",
    "Level",
    "Loop",
    "Model",
    "ModuleInfo",
    "Object",
    "Optimizer",
    "Parameter",
    "ParameterIterator",
    "ParameterSource",
    "Place",
    "Precedence",
    "Program",
    "Property",
    "Query",
    "Refusal",
    "Release",
    "Repair",
    "Repetition",
    "Response",
    "Role",
    "Rule",
    "Scaler",
    "Scheduler",
    "SchedulerFacts",
    "Selection",
    "Signature",
    "Tables",
    "TorchRange",
    "Try",
    "Unrolled",
    "Used",
    "Violation",
    "add_group",
    "backward",
    "block_of",
    "canonical",
    "clear",
    "consume",
    "dates",
    "driven",
    "enclosing",
    "enclosing_function",
    "enclosing_loops",
    "enclosing_statement",
    "events_in",
    "exception_of",
    "freeze",
    "made_of",
    "may_follow",
    "meant_key",
    "metric_direction",
    "move",
    "new",
    "number_of",
    "optimizer_signature",
    "outermost_loop",
    "parent",
    "product_of",
    "raised_for_late_group",
    "ratio",
    "ratio_by_default",
    "refused",
    "repetition",
    "replace",
    "same_function",
    "scheduler_signature",
    "signatures",
    "since",
    "step",
    "tables",
    "takes_one_for_each_group",
    "unfreeze",
    "written",
]
