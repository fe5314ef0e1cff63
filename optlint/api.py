"""All that a rule may import. Packs of other authors use it too, so names are added here and seldom taken away.

A pack is a package, registered under the entry point group `optlint.rules`; each module below it that defines `RULE`
is a rule. `VERSION` counts the changes that break packs; a pack may define `REQUIRES_API`.
"""

from optlint.finding import Level
from optlint.program.events import Act, Event
from optlint.program.objects import (
    Confidence,
    Model,
    Object,
    Optimizer,
    Parameter,
    ParameterIterator,
    ParameterSource,
    Place,
    Scheduler,
    Selection,
    canonical,
)
from optlint.program.program import Entry, Program
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
from optlint.property.patterns import Absence, Alternation, Existence, Precedence, Property, Query, Response, enclosing
from optlint.property.surroundings import (
    block_of,
    enclosing_function,
    enclosing_loops,
    enclosing_statement,
    outermost_loop,
    parent,
    same_function,
)
from optlint.property.violation import Violation
from optlint.rule import Evidence, Repair, Rule
from optlint.source.edits import Applicability, Edit
from optlint.syntax.editor import CannotEditError, Editor, Edits
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
    "Binding",
    "CannotEditError",
    "Confidence",
    "Edit",
    "Editor",
    "Edits",
    "Entry",
    "Event",
    "EventPattern",
    "Evidence",
    "Existence",
    "Formal",
    "Level",
    "Model",
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
    "Repair",
    "Response",
    "Role",
    "Rule",
    "Scheduler",
    "SchedulerFacts",
    "Selection",
    "Signature",
    "Tables",
    "Violation",
    "add_group",
    "backward",
    "block_of",
    "canonical",
    "clear",
    "consume",
    "enclosing",
    "enclosing_function",
    "enclosing_loops",
    "enclosing_statement",
    "freeze",
    "move",
    "new",
    "optimizer_signature",
    "outermost_loop",
    "parent",
    "replace",
    "same_function",
    "scheduler_signature",
    "signatures",
    "step",
    "tables",
    "unfreeze",
]
