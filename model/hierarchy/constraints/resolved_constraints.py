"""Constraints as one nest on one machine meets them: positions in place of names, one table for each kind of rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ...loop_nest import LoopNest
from ..level_mapping import why_not_unrolled
from ..machine import Keep
from ..per_tensor import per_tensor
from ..resolved_machine import ResolvedMachine
from .level_constraints import LevelConstraints


@dataclass(frozen=True)
class FactorRule:
    """The factor of a dimension at a node must lie in ``lower`` to ``upper``; ``rule`` names the constraint."""

    rule: str
    node: int
    dim: int
    lower: int
    upper: int

    def holds(self, factor: int) -> bool:
        """Whether a factor keeps the rule."""
        return self.lower <= factor <= self.upper


@dataclass(frozen=True)
class KeepRule:
    """A level must keep a tensor, or must not; ``rule`` names the constraint."""

    rule: str
    node: int
    tensor: int
    keep: bool


@dataclass(frozen=True)
class ResolvedConstraints:
    """What is asked of the mappings of one nest onto one machine.

    Tables have an entry for every node, the outermost first. ``inner_orders[node]``: the loops of these dimensions
    stand in this order (outermost first) inside all others of the level; loops of one iteration do not count.
    ``order_rules[node]`` names the constraint behind it. Utilisation is what an exact cost says of the node.
    """

    nest: LoopNest
    machine: ResolvedMachine
    factor_rules: tuple[FactorRule, ...]
    keep_rules: tuple[KeepRule, ...]
    inner_orders: tuple[tuple[int, ...], ...]
    order_rules: tuple[str, ...]
    min_utilization: tuple[float, ...]
    max_words: tuple[int | None, ...]

    @cached_property
    def lower(self) -> tuple[tuple[int, ...], ...]:
        """``lower[node][dim]``: the least factor that the constraints allow."""
        rows = [[1] * len(self.nest.dims) for _ in self.machine.nodes]
        for rule in self.factor_rules:
            rows[rule.node][rule.dim] = max(rows[rule.node][rule.dim], rule.lower)
        return tuple(map(tuple, rows))

    @cached_property
    def upper(self) -> tuple[tuple[int, ...], ...]:
        """``upper[node][dim]``: the largest factor that the constraints and the rules of the fanouts allow."""
        rows = [list(self.nest.bounds) for _ in self.machine.nodes]
        for network in self.machine.networks:
            for dim, bound in enumerate(self.nest.bounds):
                if bound > 1 and why_not_unrolled(self.nest, network, dim) is not None:
                    rows[network.node][dim] = 1
        for rule in self.factor_rules:
            rows[rule.node][rule.dim] = min(rows[rule.node][rule.dim], rule.upper)
        return tuple(map(tuple, rows))

    @cached_property
    def keep(self) -> tuple[tuple[Keep, ...], ...]:
        """``keep[node][tensor]``: what the machine and the constraints leave; a contradiction is ``never``.

        Whoever chooses what is kept must still see that nothing is left out that the machine asks to be kept
        (:attr:`contradicts`). Fanouts keep nothing.
        """
        rows: list[list[Keep]] = [["never"] * len(self.nest.tensors) for _ in self.machine.nodes]
        for level in self.machine.levels:
            rows[level.node] = list(level.keep)
        for rule in self.keep_rules:
            row = rows[rule.node]
            if row[rule.tensor] != "never":
                row[rule.tensor] = "must" if rule.keep else "never"
        return tuple(map(tuple, rows))

    @cached_property
    def contradicts(self) -> bool:
        """Whether what must be kept must not be: then there is no mapping."""
        asked: dict[tuple[int, int], bool] = {}
        for level in self.machine.levels:
            for tensor, keep in enumerate(level.keep):
                if keep != "may":
                    asked[level.node, tensor] = keep == "must"
        return any(asked.setdefault((rule.node, rule.tensor), rule.keep) != rule.keep for rule in self.keep_rules)

    def by_position(self) -> dict[str, object]:
        """Everything that is asked, as JSON without names."""
        return {
            "factors": (self.lower, self.upper),
            "keep": (self.keep, self.contradicts),
            "inner_orders": self.inner_orders,
            "min_utilization": self.min_utilization,
            "max_words": self.max_words,
        }

    def orders_hold(self, node: int, loops: tuple[int, ...]) -> bool:
        """Whether loops that iterate at a level, the outermost first, stand as asked."""
        asked = [dim for dim in self.inner_orders[node] if dim in loops]
        return list(loops[len(loops) - len(asked) :]) == asked


def resolved_constraints(
    nest: LoopNest, machine: ResolvedMachine, constraints: LevelConstraints
) -> ResolvedConstraints:
    """The constraints for one nest on one machine. Names that this nest does not have are ignored."""
    innermost = {name: (dim,) for name, dim in constraints.innermost.items()}
    orders = {**innermost, **{name: order for name, order in constraints.orders.items() if order}}
    inner = [orders.get(name, ()) for name in machine.nodes]
    return ResolvedConstraints(
        nest=nest,
        machine=machine,
        factor_rules=tuple(_factor_rules(nest, machine, constraints)),
        keep_rules=tuple(_keep_rules(nest, machine, constraints)),
        inner_orders=tuple(tuple(nest.dims.index(dim) for dim in order if dim in nest.dims) for order in inner),
        order_rules=tuple(f"{'orders' if constraints.orders.get(n) else 'innermost'}.{n}" for n in machine.nodes),
        min_utilization=tuple(constraints.min_utilization.get(name, 0.0) for name in machine.nodes),
        max_words=tuple(constraints.max_words.get(name) for name in machine.nodes),
    )


def _factor_rules(nest: LoopNest, machine: ResolvedMachine, constraints: LevelConstraints) -> Iterator[FactorRule]:
    """Every rule on a single factor; several may speak of the same one."""
    bounds = dict(zip(nest.dims, nest.bounds, strict=True))
    given = {"fixed": constraints.fixed, "min_factor": constraints.min_factor, "max_factor": constraints.max_factor}
    for field, by_dim in given.items():
        for dim, by_node in by_dim.items():
            for node, factor in by_node.items():
                if dim in bounds and node in machine.nodes:
                    lower = 1 if field == "max_factor" else factor
                    upper = bounds[dim] if field == "min_factor" else factor
                    where = machine.nodes.index(node), nest.dims.index(dim)
                    yield FactorRule(f"{field}.{dim}.{node}", *where, lower, upper)
    yield from _fanout_rules(nest, machine, constraints)


def _fanout_rules(nest: LoopNest, machine: ResolvedMachine, constraints: LevelConstraints) -> Iterator[FactorRule]:
    """What must not be unrolled over the fanouts."""
    output = nest.tensors[nest.output]
    for network in machine.networks:
        allowed = constraints.dims.get(network.name)
        for dim, name in enumerate(nest.dims):
            if allowed is not None and name not in allowed:
                yield FactorRule(f"dims.{network.name}", network.node, dim, 1, 1)
            if constraints.no_spatial_reduction and dim not in output.dims:
                yield FactorRule("no_spatial_reduction", network.node, dim, 1, 1)


def _keep_rules(nest: LoopNest, machine: ResolvedMachine, constraints: LevelConstraints) -> Iterator[KeepRule]:
    """What must be kept and what must not, tensor by tensor."""
    free: Keep = "may"
    for level in machine.levels:
        asked = per_tensor(nest, constraints.keep.get(level.name), free)
        for position, (tensor, keep) in enumerate(zip(nest.tensors, asked, strict=True)):
            if keep != "may":
                yield KeepRule(f"keep.{level.name}.{tensor.name}", level.node, position, keep == "must")
