"""A layer of a result as explanations need it: its problem, its best mapping, and how costs compare with that one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from ...model.cost_model import Cost, Costed
from ...model.cost_models import AnySearchableModel, searchable_model_for
from ...model.documents.explaining.explanation import CostFactors
from ...model.documents.kinds.any_constraints import AnyConstraints
from ...model.documents.result import LayerResult, Result, Solution
from ...model.explaining.explainable import ExplainableModel
from ...model.faults import InputError, suggestion
from ..backend import AnyProblem, LayerProblem
from ..pipeline.presets import rounds
from ..pipeline.ranking import cost_candidate, objective_value

AnyExplainable: TypeAlias = ExplainableModel[Any, Any, Any]
"""A cost model whose mappings can be explained, whatever they are."""


@dataclass(frozen=True)
class ExplainedLayer:
    """A layer with the problem that its solutions answer (no preset in it), and the best of them with its cost."""

    result: Result
    layer: LayerResult
    problem: AnyProblem
    best: Costed[Any, Any]

    @property
    def parts(self) -> AnyExplainable:
        """What the cost model knows that explains mappings."""
        return cast("AnyExplainable", self.problem.cost_model)

    @property
    def solution(self) -> Solution:
        """The best mapping as the result has it."""
        return self.layer.solutions[0]

    def factors(self, cost: Cost) -> CostFactors:
        """A cost over that of the best mapping."""
        return cost_factors(self.result, cost, self.best.cost)


def explained_layer(result: Result, name: str) -> ExplainedLayer:
    """The layer of a name.

    Raises:
        InputError: when there is none, when it has no mapping, or for a cost model that cannot explain its mappings.
    """
    names = [layer.name for layer in result.layers]
    if name not in names:
        raise InputError.single(None, "LAYER", f"no layer is called {name!r}; {suggestion(name, names)}")
    layer = result.layers[names.index(name)]
    if not layer.solutions:
        raise InputError.single(None, "LAYER", f"expected a layer with a mapping, but {name} is {layer.status}")
    model = _model_of(result)
    constraints = _without_preset(result, layer)
    nest, machine = layer.loop_nest(), result.architecture
    problem = LayerProblem(nest, machine, constraints, result.objective, cost_model=model)
    mapping = model.mapping_of(nest, machine, layer.solutions[0].mapping)
    return ExplainedLayer(result, layer, problem, cost_candidate(problem, mapping))


def _model_of(result: Result) -> AnySearchableModel:
    model = searchable_model_for(result.cost_model)
    if not isinstance(model, ExplainableModel):
        message = f"expected a cost model that explains its mappings, which '{result.cost_model}' does not"
        raise InputError.single(None, "cost_model", message)
    return model if result.accounting is None else model.under(result.accounting)


def _without_preset(result: Result, layer: LayerResult) -> AnyConstraints:
    """The constraints with a preset replaced by what it came to for the layer."""
    given = result.constraints
    if given.preset is None:
        return given
    return next((found.constraints(given) for found in rounds() if found.thresholds == layer.thresholds), given)


def cost_factors(result: Result, cost: Cost, present: Cost) -> CostFactors:
    """A cost over the present one."""
    value, own = (objective_value(result.objective, each) for each in (cost, present))
    return CostFactors(
        objective=value / own if own else None,
        energy=cost.energy_pj / present.energy_pj if present.energy_pj else None,
        cycles=cost.cycles / present.cycles,
    )
