"""An integer program for OR-Tools CP-SAT, on the part of its Python API that does not import pandas.

`cp_model`, which wraps the same, takes over a second and 100 MiB of every preview for tables not used here.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple, cast

from ortools.sat.cp_model_pb2 import CpModelProto, CpSolverResponse
from ortools.sat.python.cp_model_helper import (
    BaseIntVar,
    BoundedLinearExpression,
    FlatIntExpr,
    LinearExpr,
    SolveWrapper,
)
from ortools.sat.sat_parameters_pb2 import SatParameters

UNBOUNDED = frozenset({-(2**63), 2**63 - 1})
"""How CP-SAT writes that there is no bound."""


class Solved(NamedTuple):
    """What CP-SAT found."""

    values: tuple[int, ...]
    amount: float
    """What the values make of what was to be least."""
    bound: float
    """Less than this it cannot be."""

    def value(self, variable: BaseIntVar) -> int:
        """The value of a variable."""
        return self.values[variable.index]


class Program:
    """Whole variables, linear conditions on them, and what is to be least."""

    def __init__(self) -> None:
        """Begin without any."""
        self._model = CpModelProto()

    def whole(self, low: int, high: int, name: str) -> BaseIntVar:
        """A new variable of at least `low` and at most `high`."""
        self._model.variables.add(name=name, domain=[low, high])
        return BaseIntVar(len(self._model.variables) - 1)

    def add(self, condition: BoundedLinearExpression | bool) -> None:
        """Demand a condition; as declared, comparing expressions gives a bool."""
        if not isinstance(condition, BoundedLinearExpression):
            raise TypeError("a condition without a variable")
        linear = self._model.constraints.add().linear
        linear.vars.extend(each.index for each in condition.vars)
        linear.coeffs.extend(condition.coeffs)
        bounds = condition.bounds.flattened_intervals()
        linear.domain.extend(bound if bound in UNBOUNDED else bound - condition.offset for bound in bounds)

    def hint(self, variable: BaseIntVar, value: int) -> None:
        """Say where to look first."""
        self._model.solution_hint.vars.append(variable.index)
        self._model.solution_hint.values.append(value)

    def minimize(self, terms: Iterable[LinearExpr], parameters: SatParameters) -> Solved:
        """The values that make a sum least, as far as the parameters allow to look for them."""
        flat = cast("Any", FlatIntExpr(cast("LinearExpr", sum(terms))))
        objective = self._model.objective
        objective.vars.extend(each.index for each in flat.vars)
        objective.coeffs.extend(flat.coeffs)
        objective.offset = flat.offset
        objective.scaling_factor = 1.0
        solver = cast("Any", SolveWrapper())
        solver.set_parameters(parameters)
        found: CpSolverResponse = solver.solve(self._model)
        return Solved(tuple(found.solution), found.objective_value, found.best_objective_bound)
