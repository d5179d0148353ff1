"""Random layer problems, reproducible by seed: what the tests of the relaxation and of the back ends are run on.

Sizes are small, shapes are not: every kind of layer, strides larger than kernels, dilation, groups, repeated and
compound indices, scalar tensors, stored shapes that are never reached; machines of one PE or one bank, free or very
dear accesses, a DMA without start-up cost; every kind of constraint, contradictory ones included.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from random import Random

import numpy as np
from dmaze.model.dmazerunner.architecture import AccessEnergy, Architecture, Dma, Spm
from dmaze.model.dmazerunner.constraints import Constraints, FixedFactors, MinUtilization
from dmaze.model.dmazerunner.factorisations import allowed_factorisations, divisors, num_tilings
from dmaze.model.dmazerunner.relaxation.value_ranges import RangeParameters
from dmaze.model.dmazerunner.reuse import all_reuse_classes, has_more_classes
from dmaze.model.dmazerunner.vectorised.batch import DRAM, Array, TilingBatch, to_array
from dmaze.model.dmazerunner.vectorised.batch_cost import BatchModel, PairCosts
from dmaze.model.dmazerunner.vectorised.batch_legality import allowed
from dmaze.model.layers import Conv2d, Gemm, LoopNestLayer
from dmaze.model.loop_nest import MAX_MACS, LoopNest
from dmaze.model.mapping import LEVELS, Tiling
from dmaze.model.objectives import Objective
from dmaze.solver.backend import LayerProblem

OBJECTIVES: tuple[Objective, ...] = ("edp", "energy", "latency")

BOUNDS = (1, 2, 2, 3, 4, 5, 6, 8, 9, 12)

PRICES = (0.0, 0.0, 0.075, 0.96, 2.0, 13.5, 200.0, 1e-9, 1e-3, 1e4, 1e9)
"""pJ per element: nothing, the reference machine's, and ratios that turn signs around."""


@dataclass(frozen=True)
class Size:
    """Limits on a random nest: its MACs, its tilings before any rule, its pairs of reuse classes."""

    macs: int = 1 << 20
    tilings: int = 1 << 60
    class_pairs: int = 1 << 30
    bounds: tuple[int, ...] = BOUNDS
    wide: bool = False
    """General nests only, of up to 12 dimensions and 6 tensors."""


ANY = Size()
TINY = Size(macs=1 << 10, tilings=4000, class_pairs=20)
"""Small enough to look at every tiling and to run CP-SAT on every case."""
TINY_GENERAL = Size(macs=1 << 10, tilings=4000, class_pairs=1 << 12, wide=True)
"""As small, but with as many reuse classes as come."""
LARGE = Size(macs=1 << 46, class_pairs=64, bounds=(3, 112, 720, 1001, 2520, 5040, 1 << 14, 55440, 720720))
"""Too many values of some monomials to list them, so that only their ranges are known."""


def ranges_only(most: int) -> RangeParameters:
    """The values of monomials are known by their range where there are more than so many; 0 for all of them."""
    return RangeParameters(max_points=most, max_combinations=most)


def random_nest(random: Random, size: Size = ANY) -> LoopNest:
    """A loop nest of any kind within the given size."""
    kinds = (_general, _wide, _wide) if size.wide else (_gemm, _conv, _conv, _grouped, _depthwise, _general, _general)
    while True:
        nest = random.choice(kinds)(random, size.bounds)
        if nest is None or nest.num_macs > size.macs:
            continue
        if num_tilings(allowed_factorisations(nest, Constraints())) > size.tilings:
            continue
        if not has_more_classes(nest, math.isqrt(size.class_pairs)):
            return nest


def _gemm(random: Random, bounds: Sequence[int]) -> LoopNest | None:
    m, n, k = (random.choice(bounds) for _ in range(3))
    if m * n * k > MAX_MACS >> 2:
        return None
    return Gemm(type="gemm", name="g", m=m, n=n, k=k, batch=random.choice((1, 1, 2, 3))).loop_nest()


def _conv(
    random: Random, sizes: Sequence[int], groups: int = 1, channels: tuple[int, int] | None = None
) -> LoopNest | None:
    small = (1, 1, 2, 2, 3, 4, 6) if tuple(sizes) == BOUNDS else tuple(size for size in sizes if size < 10_000)
    kernel = random.choice((1, 2, 3)), random.choice((1, 2, 3))
    stride = random.choice((1, 1, 2, 3, (1, 2), (3, 1)))
    dilation = random.choice((1, 1, 2, (1, 3)))
    padding = random.choice((0, 1, (1, 0)))
    value_range = [1 + (k - 1) * d for k, d in zip(kernel, _pair(dilation), strict=True)]
    outs = random.choice(small), random.choice(small)
    spare = random.choice((0, 0, 1, 2))  # rows and columns that the kernel never reaches
    height, width = (
        (out - 1) * s + r + spare - 2 * p
        for out, s, r, p in zip(outs, _pair(stride), value_range, _pair(padding), strict=True)
    )
    if min(height, width) < 1:
        return None
    out_channels, in_channels = channels or (random.choice(small), random.choice(small))
    if 4 * out_channels * in_channels * math.prod(outs) * math.prod(kernel) > MAX_MACS:
        return None
    return Conv2d(
        type="conv2d",
        name="c",
        batch=random.choice((1, 1, 2, 4)),
        out_channels=out_channels,
        in_channels=in_channels,
        in_height=height,
        in_width=width,
        kernel_height=kernel[0],
        kernel_width=kernel[1],
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
    ).loop_nest()


def _grouped(random: Random, sizes: Sequence[int]) -> LoopNest | None:
    groups = random.choice((2, 3))
    return _conv(random, sizes, groups, (groups * random.choice((1, 2, 3)), groups * random.choice((1, 2))))


def _depthwise(random: Random, sizes: Sequence[int]) -> LoopNest | None:
    channels = random.choice((2, 4, 6))
    return _conv(random, sizes, channels, (channels, channels))


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


def _general(random: Random, sizes: Sequence[int]) -> LoopNest | None:
    """One to four tensors over one to four dimensions: scalars, sums and differences of variables, repeated ones."""
    names = "abcd"[: random.choice((1, 2, 3, 3, 4))]
    bounds = {name: random.choice(sizes) for name in names}
    if math.prod(bounds.values()) > MAX_MACS >> 2:
        return None
    tensors: list[dict[str, object]] = []
    for position in range(random.choice((1, 2, 2, 3, 3, 4))):
        index = [_expression(random, names) for _ in range(random.choice((0, 1, 1, 2, 2, 3)))]
        tensor = {"name": f"t{position}", "index": index, "output": position == 0}
        tensors.append(tensor)
    random.shuffle(tensors)
    layer = {"type": "loop_nest", "name": "x", "bounds": bounds, "tensors": tensors}
    nest = LoopNestLayer.model_validate(layer).loop_nest()
    if max(tensor.footprint(nest.bounds) for tensor in nest.tensors) > MAX_MACS:
        return None
    if random.random() < 0.3:  # stored with a margin, so that some axis is never full
        for tensor, built in zip(tensors, nest.tensors, strict=True):
            tensor["shape"] = [extent + random.choice((0, 0, 1, 5)) for extent in built.shape]
        nest = LoopNestLayer.model_validate(layer).loop_nest()
    return nest


def _wide(random: Random, sizes: Sequence[int]) -> LoopNest | None:
    """One to six tensors over one to twelve dimensions, many of which do not iterate; every way to be indexed."""
    names = "abcdefghijkl"[: random.choice((1, 2, 3, 4, 5, 6, 8, 10, 12))]
    small = (1, 1, 2, 2, 3) if len(names) > 3 else tuple(sizes)
    bounds = {name: random.choice(small) for name in names}
    if math.prod(bounds.values()) > MAX_MACS >> 2:
        return None
    tensors: list[dict[str, object]] = []
    for position in range(random.choice((1, 2, 3, 3, 4, 5, 6))):
        kind = random.choice((_scalar, _by_all, _by_some, _by_some, _by_some, _diagonal, _windowed))
        tensors.append({"name": f"t{position}", "index": kind(random, names), "output": position == 0})
    random.shuffle(tensors)
    layer = {"type": "loop_nest", "name": "x", "bounds": bounds, "tensors": tensors}
    nest = LoopNestLayer.model_validate(layer).loop_nest()
    return nest if max(tensor.footprint(nest.bounds) for tensor in nest.tensors) <= MAX_MACS else None


def _scalar(_: Random, __: str) -> list[str]:
    return []


def _by_all(random: Random, names: str) -> list[str]:
    return random.sample(names, len(names))


def _by_some(random: Random, names: str) -> list[str]:
    return random.sample(names, random.randint(0, len(names)))


def _diagonal(random: Random, names: str) -> list[str]:
    chosen = random.sample(names, min(len(names), 2))
    return [chosen[0], f"{chosen[0]} + 2*{chosen[-1]}", chosen[-1]]


def _windowed(random: Random, names: str) -> list[str]:
    return [_expression(random, names) for _ in range(random.choice((1, 2, 3)))]


def _expression(random: Random, names: str) -> str:
    if random.random() < 0.05:
        return "7"
    chosen = random.sample(names, min(len(names), random.choice((1, 1, 1, 2, 2, 3))))
    terms = [f"{random.choice(('+', '+', '-'))} {random.choice((1, 1, 1, 2, 3))}*{name}" for name in chosen]
    return " ".join(terms).removeprefix("+ ") + random.choice(("", "", " + 1"))


def random_architecture(random: Random, *, roomy: bool = False) -> Architecture:
    """A machine with odd sizes and prices; ``roomy`` leaves out memories too small for almost everything."""
    pick = random.choice
    element = pick((1, 2, 2, 4))
    return Architecture(
        name="random",
        pes=pick((1, 2, 4, 7, 16, 256)),
        rf_bytes_per_pe=pick((64, 512) if roomy else (3, 4, 6, 8, 12, 17, 32, 64, 512)) * element,
        spm=Spm(banks=pick((8, 32) if roomy else (1, 3, 4, 5, 8, 32)), bytes_per_bank=pick((3, 16, 64, 2048))),
        bytes_per_element=element,
        clock_mhz=pick((200.0, 500.0, 800.0)),
        dma=Dma(
            init_cycles=pick((0.0, 0.0, 1.0, 100.0, 291.0, 1e6)),
            cycles_per_byte=pick((0.0, 0.12, 0.24, 5.0)),
            clock_mhz=pick((500.0, 3200.0)),
        ),
        access_energy_pj=random_prices(random),
    )


def random_prices(random: Random) -> AccessEnergy:
    """The reference machine's prices, dear register files, almost free accesses (energies round to 0), or anything."""
    kind = random.random()
    if kind < 0.3:
        return AccessEnergy(rf=0.96, noc=2, spm=13.5, dram=200, mac=0.075)
    if kind < 0.4:
        return AccessEnergy(rf=random.choice((50.0, 1e6)), noc=random.choice((0.0, 0.1)), spm=0.1, dram=1.0, mac=0.0)
    prices = (0.0, 1e-9, 1e-4, 1e-3, 0.02) if kind < 0.5 else PRICES
    return AccessEnergy(**{part: random.choice(prices) for part in ("rf", "noc", "spm", "dram", "mac")})


def random_constraints(random: Random, nest: LoopNest, architecture: Architecture) -> Constraints:
    """Constraints of one or several kinds, or none; mostly such that something is left."""
    fields: dict[str, object] = {}
    if random.random() < 0.3:
        shares = (0.0, 0.0, 0.1, 0.25, 0.3, 0.5, 0.6000000000000001, 1.0)
        fields["min_utilization"] = MinUtilization(**{part: random.choice(shares) for part in ("pe", "rf", "spm")})
    if random.random() < 0.2:
        fields["no_spatial_reduction"] = True
    if random.random() < 0.2:
        fields["no_feature_from_dram"] = True
    if random.random() < 0.25:
        fields["fixed"] = {
            name: _fixed(random, bound)
            for name, bound in zip(nest.dims, nest.bounds, strict=True)
            if random.random() < 0.4
        }
    if random.random() < 0.25:
        needed = {name for name, given in fields.get("fixed", {}).items() if (given.spatial or 1) > 1}  # type: ignore[attr-defined]
        fields["spatial_dims"] = tuple(name for name in nest.dims if name in needed or random.random() < 0.5)
    if random.random() < 0.35:
        moved, invocations = _traffic_of_some_mapping(random, nest, architecture)
        if random.random() < 0.6:
            fields["max_dram_bytes"] = (
                int(moved * random.choice((0.5, 1, 1, 1, 1.5))) if random.random() < 0.9 else 2**62
            )
        if random.random() < 0.6:
            fields["max_dma_invocations"] = int(invocations * random.choice((0.5, 1, 1, 1, 1.5)))
    return Constraints(**fields)  # type: ignore[arg-type]


def _fixed(random: Random, bound: int) -> FixedFactors:
    if random.random() < 0.05:
        return FixedFactors(rf=bound + 1)  # divides nothing
    levels = random.sample(LEVELS, random.choice((1, 1, 2, 4)))
    left, given = bound, {}
    for level in levels:
        given[level] = random.choice(divisors(left))
        left //= given[level]
    return FixedFactors(**given)


def _traffic_of_some_mapping(random: Random, nest: LoopNest, architecture: Architecture) -> tuple[float, float]:
    levels = random_levels(random, nest, 20)
    model = BatchModel(nest, architecture)
    legal = np.flatnonzero(allowed(nest, architecture, Constraints(), levels))
    column = int(legal[0]) if len(legal) else 0
    moved, invocations = random.choice(dram_traffic(model, TilingBatch(nest, levels)))
    return float(moved[column]), float(invocations[column])


def dram_traffic(model: BatchModel, batch: TilingBatch) -> list[tuple[Array, Array]]:
    """For every DRAM class the bytes moved and the DMA invocations of every tiling, both directions."""
    shared, of_dram = model.dram_terms(batch)
    size = model.architecture.bytes_per_element
    return [(terms.words * size, terms.dma_invocations(shared)) for terms in of_dram]


def within_traffic_limits(constraints: Constraints, model: BatchModel, batch: TilingBatch) -> list[Array]:
    """Per DRAM class which tilings keep the traffic limits."""
    limits = (constraints.max_dram_bytes, constraints.max_dma_invocations)
    most_bytes, most_invocations = (math.inf if limit is None else limit for limit in limits)
    traffic = dram_traffic(model, batch)
    return [(moved <= most_bytes) & (invocations <= most_invocations) for moved, invocations in traffic]


def random_levels(random: Random, nest: LoopNest, count: int, constraints: Constraints | None = None) -> Array:
    """Random tilings (whether they fit is not asked), of shape (4, dimensions, count)."""
    options = allowed_factorisations(nest, constraints or Constraints())
    draw = np.random.default_rng(random.getrandbits(64))
    columns = [rows[draw.integers(len(rows), size=count)] for rows in options]
    return np.ascontiguousarray(np.stack(columns).transpose(2, 0, 1))


def fitting_levels(random: Random, problem: LayerProblem, count: int) -> Array:
    """Random tilings that keep all rules, at most ``count``: what does not fit is moved to DRAM, factor by factor."""
    nest, draw = problem.nest, np.random.default_rng(random.getrandbits(64))
    options = allowed_factorisations(nest, problem.constraints)
    if not all(map(len, options)):
        return np.empty((4, len(nest.dims), 0))
    levels = random_levels(random, nest, count, problem.constraints)
    for _ in range(8 * len(nest.dims)):
        wrong = np.flatnonzero(~allowed(nest, problem.architecture, problem.constraints, levels))
        dims = draw.integers(len(nest.dims), size=len(wrong))
        parts = draw.integers(1, 4, size=len(wrong))
        for column, dim, part in zip(wrong.tolist(), dims.tolist(), parts.tolist(), strict=True):
            moved = levels[:, dim, column].copy()
            moved[DRAM] *= moved[part]
            moved[part] = 1
            if (options[dim] == moved).all(axis=1).any():
                levels[:, dim, column] = moved
    fitting = levels[:, :, allowed(nest, problem.architecture, problem.constraints, levels)]
    return np.ascontiguousarray(np.unique(fitting, axis=2))


def every_tiling(nest: LoopNest, constraints: Constraints) -> list[Tiling]:
    """All tilings that the pinned factors leave, whether or not they fit: no more than a product of lists."""
    options = [rows.astype(int).tolist() for rows in allowed_factorisations(nest, constraints)]
    return [Tiling.from_levels(zip(*rows, strict=True)) for rows in product(*options)]


def costs_of_all_orders(problem: LayerProblem, levels: Array) -> tuple[Array, Array]:
    """Objective and other metric of tilings, the best of all pairs of all classes that keep the traffic limits."""
    model = BatchModel(problem.nest, problem.architecture, all_reuse_classes(problem.nest))
    batch = TilingBatch(problem.nest, levels)
    within = within_traffic_limits(problem.constraints, model, batch)
    values, ties = np.full(batch.size, np.inf), np.full(batch.size, np.inf)
    for pair in model.pair_costs(batch):
        value, tie = by_objective(problem.objective, pair)
        value = np.where(within[pair.dram_class], value, np.inf)
        better = (value < values) | ((value == values) & (tie < ties) & (value < np.inf))
        values, ties = np.where(better, value, values), np.where(better, tie, ties)
    return values, ties


def by_objective(objective: Objective, pair: PairCosts) -> tuple[Array, Array]:
    """Objective values and the metric that breaks ties, as ``docs/model.md`` has them."""
    if objective == "latency":
        return pair.cycles, pair.energy_pj
    return pair.energy_pj * pair.cycles if objective == "edp" else pair.energy_pj, pair.cycles


def optimum_of_all_orders(problem: LayerProblem) -> float:
    """The least objective of all mappings; infinite without one."""
    tilings = every_tiling(problem.nest, problem.constraints)
    if not tilings:
        return math.inf
    levels = to_array(tilings)
    legal = allowed(problem.nest, problem.architecture, problem.constraints, levels)
    return float(costs_of_all_orders(problem, levels[:, :, legal])[0].min()) if legal.any() else math.inf


def random_problem(seed: int, size: Size = TINY, *, constrained: float = 0.5) -> LayerProblem:
    """The layer problem of a seed; constrained with the given probability. The objective is the EDP."""
    random = Random(seed)
    nest = random_nest(random, size)
    architecture = random_architecture(random, roomy=random.random() < 0.5)
    constraints = Constraints()
    if random.random() < constrained:
        constraints = random_constraints(random, nest, architecture)
    return LayerProblem(nest, architecture, constraints, "edp")


def problems(seeds: Iterable[int]) -> Iterator[LayerProblem]:
    """Random tiny problems with all objectives in turn."""
    for seed in seeds:
        yield replace(random_problem(seed), objective=OBJECTIVES[seed % 3])


def random_problems(
    seeds: Sequence[int], size: Size = TINY, *, constrained: float = 0.5
) -> Iterator[tuple[int, LayerProblem]]:
    """Problems with their seeds."""
    return ((seed, random_problem(seed, size, constrained=constrained)) for seed in seeds)


def describe(problem: LayerProblem) -> str:
    """Everything about a problem, for the message of a failing check."""
    tensors = [(t.name, t.index, t.shape, t.is_output) for t in problem.nest.tensors]
    size = math.prod(problem.nest.bounds)
    return (
        f"{problem.nest.dims} {problem.nest.bounds} ({size})\n{tensors}\n{problem.architecture}\n{problem.constraints}"
    )
