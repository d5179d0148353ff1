"""The CP-SAT model of a hierarchy with its choices fixed to those of one mapping."""

from __future__ import annotations

from dataclasses import dataclass

from dmaze.model.hierarchy.constraints.resolved_constraints import ResolvedConstraints
from dmaze.model.hierarchy.level_mapping import LevelMapping
from dmaze.model.objectives import Objective
from dmaze.solver.cpsat.levels.relaxation.level_program import LevelProgram, powers_in
from ortools.sat.python import cp_model


@dataclass(frozen=True)
class Relaxed:
    """The relaxed objective, `None` for a mapping that is refused, and whether it may be too low."""

    value: float | None
    is_relaxed: bool


def relaxed_value(constraints: ResolvedConstraints, objective: Objective, mapping: LevelMapping) -> Relaxed:
    """What the model makes of a mapping's factors and of what it keeps, its orders free."""
    program = LevelProgram(constraints, objective).build()
    for node, axis, variable in program.exponents.decisions():
        program.model.add(variable == powers_in(mapping.factors[node][axis.dim], axis.prime))
    for node, tensor, literal in program.exponents.choices():
        program.model.add(literal == int(mapping.kept[node][tensor]))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.presolve_inclusion_work_limit = 0
    status = solver.solve(program.model)
    assert status in (cp_model.OPTIMAL, cp_model.INFEASIBLE)
    if status == cp_model.INFEASIBLE:
        return Relaxed(None, bool(program.relaxed))
    return Relaxed(solver.value(program.objective.variable) / program.objective.scale, bool(program.relaxed))
