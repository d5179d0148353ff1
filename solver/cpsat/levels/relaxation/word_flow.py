"""The words of one tensor on their way from DRAM to the MAC and back: at least so many pass each place.

What passes depends on the nearest level inside that keeps the tensor: on its tile, on the loops outside it that bring
it again, and on the fanouts between. Going outward, a :class:`Flow` carries that as exponents (hierarchy model,
section 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ...formulation.variables import add_if
from .index_components import IndexComponent, Table, components_of
from .level_exponents import LevelExponents, Linear, negated
from .product_tables import Amount, Factor, ProductTables, power
from .stationary_loops import Dims, StationaryLoops

SLIDING, SHARING = "tiles that slide", "words that instances share"
"""What the words may be a lower bound of."""


@dataclass(frozen=True)
class Flow:
    """What passes at a place, as exponents by axis.

    ``brought``: of dimensions that do not index the tensor, how often its tiles are brought. ``together``: of those in
    windows, the tile that all instances of the nearest tile inside have together; ``grown`` are the windows that
    instances may share, ``apart`` says that loops may lie between the instances, ``slides`` that tiles may slide.
    """

    brought: Mapping[int, Linear]
    together: Mapping[int, Linear]
    grown: frozenset[Dims] = frozenset()
    apart: bool = False
    slides: bool = False


@dataclass(frozen=True)
class TensorShape:
    """What of a tensor's index matters for its words."""

    tensor: int
    dims: Dims
    windows: tuple[IndexComponent, ...]
    plain_dims: Dims
    """Those of the dimensions in which every tile is as many words as iterations."""

    @property
    def numbers(self) -> tuple[int, ...]:
        """The prime axes of the windows."""
        return tuple(number for window in self.windows for number in window.numbers)


def shape_of(exponents: LevelExponents, tensor: int) -> TensorShape:
    """The shape of a tensor."""
    nest = exponents.nest
    parts = components_of(nest, exponents.axes, nest.tensors[tensor])
    return TensorShape(
        tensor,
        frozenset(dim for part in parts for dim in part.dims),
        tuple(part for part in parts if not part.is_plain),
        frozenset(dim for part in parts if part.is_plain for dim in part.dims),
    )


def sets_of(exponents: LevelExponents) -> set[Dims]:
    """The sets of dimensions that bring tiles: those of every tensor, and where tiles slide those without windows."""
    found: set[Dims] = set()
    for tensor, spec in enumerate(exponents.nest.tensors):
        shape = shape_of(exponents, tensor)
        found.add(shape.dims)
        if shape.windows and not spec.is_output and any(level.halo for level in exponents.machine.levels):
            found.add(shape.plain_dims)
    return found


class WordFlow:
    """The flow of one tensor; ``inside`` and ``outside`` of every node, the words that pass there in the whole run.

    For the output these are the words that go up; ``first`` of them start from zero.
    """

    def __init__(self, exponents: LevelExponents, loops: StationaryLoops, tables: ProductTables, tensor: int) -> None:
        self._exponents, self._loops, self._tables = exponents, loops, tables
        self._shape = shape_of(exponents, tensor)
        self._is_output = exponents.nest.tensors[tensor].is_output
        self.tensor = tensor
        self.relaxed: set[str] = set()
        """What of the words is a lower bound."""
        self.inside: dict[int, Amount] = {}
        self.outside: dict[int, Amount] = {}
        self.first_inside: dict[int, Amount] = {}
        self.first_outside: dict[int, Amount] = {}
        self._walk()

    def _walk(self) -> None:
        own, mac = self._exponents, self._exponents.machine.num_nodes
        others = [n for n, axis in enumerate(own.axes) if axis.dim not in self._shape.dims]
        flow = Flow({n: own.axes[n].multiplicity for n in others}, dict.fromkeys(self._shape.numbers, 0))
        words = self._words(flow)
        for node in reversed(range(mac)):
            self.inside[node] = words
            if self._is_output:
                self.first_inside[node] = self._first(flow, node)
            following = self._past_level(flow, node) if node in own.machine.level_at else self._past_fanout(flow, node)
            words = words if following is flow else self._words(following)
            flow = following
            self.outside[node] = words
            if self._is_output:
                self.first_outside[node] = self._first(flow, node)

    def _past_level(self, flow: Flow, node: int) -> Flow:
        rule = self._exponents.constraints.keep[node][self.tensor]
        if node == 0:
            return flow
        if rule == "never":
            return replace(flow, apart=True)
        kept = self._kept_at(node)
        if rule == "must":
            return kept
        return Flow(
            self._either(node, kept.brought, flow.brought),
            self._either(node, kept.together, flow.together),
            kept.grown | flow.grown,
            apart=True,
            slides=kept.slides or flow.slides,
        )

    def _kept_at(self, node: int) -> Flow:
        """The flow of a tile at a level.

        With halo, a window passes at least once between two tiles that have nothing in common: the whole window is
        taken as what its instances share, whose loops bring nothing again.
        """
        own, spread = self._exponents, self._exponents.spreads[node]
        halo = own.machine.level_at[node].halo and not self._is_output and bool(self._shape.windows)
        bringing = self._loops.bringing(self._shape.plain_dims if halo else self._shape.dims, node)
        brought: dict[int, Linear] = {}
        for number, axis in enumerate(own.axes):
            if axis.dim not in self._shape.dims:
                most = own.axes[number].multiplicity
                brought[number] = own.model.new_int_var(0, most, "brought")
                own.model.add(brought[number] == bringing[number] + spread[number])
        if not halo:
            return Flow(brought, {n: own.tiles[node][n] for n in self._shape.numbers})
        whole = {n: own.axes[n].multiplicity for n in self._shape.numbers}
        return Flow(brought, whole, frozenset(window.dims for window in self._shape.windows), slides=True)

    def _either(self, node: int, kept: Mapping[int, Linear], passed: Mapping[int, Linear]) -> dict[int, Linear]:
        """One of two by whether a level keeps the tensor."""
        own, literal = self._exponents, self._exponents.kept[node][self.tensor]
        found: dict[int, Linear] = {}
        for number in kept:
            value = own.model.new_int_var(0, own.axes[number].multiplicity, "")
            add_if(own.model, value == kept[number], literal)
            add_if(own.model, value == passed[number], negated(literal))
            found[number] = value
        return found

    def _past_fanout(self, flow: Flow, node: int) -> Flow:
        own, network = self._exponents, self._exponents.machine.network_at[node]
        if not (self._is_output or network.multicast[self.tensor]):
            return replace(flow, apart=True)
        brought: dict[int, Linear] = {}
        for number, most in ((number, own.axes[number].multiplicity) for number in flow.brought):
            brought[number] = own.model.new_int_var(0, most, "")
            own.model.add(brought[number] == flow.brought[number] - own.of[node][number])
        if self._is_output:
            return replace(flow, brought=brought)
        upper = own.constraints.upper[node]
        shared = [window for window in self._shape.windows if any(upper[dim] > 1 for dim in window.dims)]
        together = dict(flow.together)
        for number in (number for window in shared for number in window.numbers):
            together[number] = self._with_instances(flow, node, number)
        return replace(flow, brought=brought, together=together, grown=flow.grown | {w.dims for w in shared})

    def _with_instances(self, flow: Flow, node: int, number: int) -> Linear:
        """The tile of all instances together; at most that, where it may be the whole window already."""
        own = self._exponents
        value = own.model.new_int_var(0, own.axes[number].multiplicity, "")
        larger = flow.together[number] + own.of[node][number]
        own.model.add(value <= larger if flow.slides else value == larger)
        return value

    def _words(self, flow: Flow) -> Amount:
        """The words that pass in the whole run."""
        return self._product(flow, flow.brought)

    def _first(self, flow: Flow, node: int) -> Amount:
        """Those of them that are visited for the first time."""
        spread = self._exponents.spreads[node]
        return self._product(flow, {number: spread[number] for number in flow.brought})

    def _product(self, flow: Flow, repeated: Mapping[int, Linear]) -> Amount:
        own, unit = self._exponents, 1
        factors = [power(own.axes[number], exponent) for number, exponent in repeated.items()]
        for window in self._shape.windows:
            exponents = tuple(flow.together[number] for number in window.numbers)
            factors.append(Factor(exponents, self._table(window, flow)))
        for dim in self._shape.plain_dims:
            unit *= own.nest.bounds[dim]
        return self._tables.product(factors, unit)

    def _table(self, window: IndexComponent, flow: Flow) -> Table:
        if self._is_output or window.dims not in flow.grown:
            return window.words
        if flow.slides:
            self.relaxed.add(SLIDING)
        several = flow.slides and len(window.indexes) > 1
        table = window.swept if several else window.scattered if flow.apart else window.contiguous
        if (table != window.words).any():
            self.relaxed.add(SHARING)
        return table
