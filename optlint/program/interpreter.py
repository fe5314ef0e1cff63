"""The parts of the interpreter, which know each other through one object."""

from __future__ import annotations

from optlint.program.arithmetic import Arithmetic
from optlint.program.assignments import Assignments
from optlint.program.attributes import Attributes
from optlint.program.builtin_calls import BuiltinCalls
from optlint.program.calls import Calls
from optlint.program.comprehensions import Comprehensions
from optlint.program.conditions import Conditions
from optlint.program.containers import Containers
from optlint.program.control_flow import ControlFlow
from optlint.program.expressions import Expressions
from optlint.program.functions import Functions
from optlint.program.gradients import Gradients
from optlint.program.iterable_calls import IterableCalls
from optlint.program.iteration import Iteration
from optlint.program.machine import Machine
from optlint.program.methods import Methods
from optlint.program.model_methods import ModelMethods
from optlint.program.modules import ModuleInfo
from optlint.program.names import Names
from optlint.program.object_maker import ObjectMaker
from optlint.program.optimizer_methods import OptimizerMethods
from optlint.program.parameter_iterators import ParameterIterators
from optlint.program.project import Project
from optlint.program.recognition import Recognition
from optlint.program.statements import Statements
from optlint.program.subscripts import Subscripts
from optlint.program.torch_calls import TorchCalls
from optlint.program.unknown_methods import UnknownMethods


class Interpreter:
    """Interprets one file.

    To evaluate an expression may be to call a function, which is to run its statements, which have expressions: each
    part needs others that need it. So each is made with the interpreter alone. It keeps what is made before it and
    used most, as the machine and the expressions, and asks the interpreter for any other part at the moment of use. No
    part imports the class of another one; they import this class to have its type checked, and only this module
    imports them all.
    """

    def __init__(self, project: Project, module: ModuleInfo) -> None:
        self.machine = Machine(project, module)
        self.names = Names(self.machine)
        self.expressions = Expressions(self)
        self.attributes = Attributes(self)
        self.subscripts = Subscripts(self)
        self.arithmetic = Arithmetic(self)
        self.conditions = Conditions(self)
        self.iteration = Iteration(self)
        self.iterators = ParameterIterators(self)
        self.comprehensions = Comprehensions(self)
        self.statements = Statements(self)
        self.assignments = Assignments(self)
        self.control_flow = ControlFlow(self)
        self.calls = Calls(self)
        self.functions = Functions(self)
        self.methods = Methods(self)
        self.recognition = Recognition(self)
        self.model_methods = ModelMethods(self)
        self.optimizer_methods = OptimizerMethods(self)
        self.unknown_methods = UnknownMethods(self)
        self.containers = Containers(self)
        self.gradients = Gradients(self)
        self.torch_calls = TorchCalls(self)
        self.iterable_calls = IterableCalls(self)
        self.builtin_calls = BuiltinCalls(self)
        self.object_maker = ObjectMaker(self)

    def close(self) -> None:
        """Take the interpreter apart when the program has been looked at.

        Its parts refer to each other, so nothing would free them, nor what they know, but a search for cycles
        through all that is in memory; that search is what a long run would spend its time on.
        """
        self.machine.close()
        for part in tuple(vars(self).values()):
            vars(part).clear()
        vars(self).clear()
