"""Exports of mappings onto hierarchies for Timeloop, in the flattened v0.4 form (``docs/interop.md``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ...hierarchy.resolved_machine import Level, Network, ResolvedMachine
from ...loop_nest import LoopNest
from ..names import allotted_names, renaming_comments, workload_comments
from ..timeloop import VERSION, TimeloopNames, priced_actions, problem_document
from ..timeloop import why_not as why_not_nest
from ..yaml_text import yaml_text
from .mapped_levels import MappedLevels, differing_prices, fanouts_inside, level_prices, overlapping_output

_COMPUTE = "mac"
_SYSTEM = "sys"
_BITS_PER_BYTE = 8


def why_not_levels(nest: LoopNest, machine: ResolvedMachine) -> str | None:
    """Why Timeloop cannot express a nest on a machine, or ``None`` where it can."""
    objection = why_not_nest(nest) or overlapping_output(nest) or differing_prices(machine)
    for _, fanouts in fanouts_inside(machine):
        for t, tensor in enumerate(nest.tensors):
            if len({network.multicast[t] for network in fanouts}) > 1:
                names = " and ".join(network.name for network in fanouts)
                objection = objection or f"{names} differ in their multicast of {tensor.name}"
    return objection


def unsaid_by_timeloop(machine: ResolvedMachine) -> Iterator[str]:
    """What the files say otherwise than the machine, beside the fields that they leave out."""
    for level in machine.levels:
        sizes = {machine.bytes_per_element[t] for t, keep in enumerate(level.keep) if keep != "never"}
        if len(sizes) > 1 and (level.capacity_bytes is not None or any(level.partitions)):
            yield f"the capacity of {level.name} is one of elements there, of the smallest that it may keep"


def remarks_on_axes(layer: MappedLevels) -> Iterator[str]:
    """Which fanouts lie along one axis because of a mapping, which changes no count.

    Of one level Timeloop reads a single list of spatial factors, each of a dimension along X or along Y.
    """
    for _, fanouts in fanouts_inside(layer.machine):
        names = " and ".join(network.name for network in fanouts)
        several = [set(layer.spread(network)) for network in fanouts]
        shared = sorted(several[0] & several[1]) if len(several) == 2 else []
        if shared:
            dims = " and ".join(layer.nest.dims[dim] for dim in shared)
            yield f"{names} lie along one axis there, for {dims} over both of them cannot be said"
        elif len(fanouts) > 2:
            yield f"{names} lie along one axis there, for there are no more than two"


def export_level_files(layer: MappedLevels) -> dict[str, str]:
    """The problem, architecture and mapping files of a layer that :func:`why_not_levels` has no objection to."""
    written = _Written(layer)
    header = (f"Layer {layer.name} on {layer.architecture.name}, written by dmaze-solve for Timeloop {VERSION}.", "")
    names = written.names
    return {
        "problem.yaml": yaml_text(
            problem_document(layer.nest, names),
            (*header, *workload_comments(layer.nest, names.dims, names.data_spaces, layer.count)),
        ),
        "architecture.yaml": yaml_text(written.architecture(), (*header, *written.architecture_comments())),
        "mapping.yaml": yaml_text({"mapping": written.directives()}, (*header, *written.mapping_comments())),
    }


@dataclass(frozen=True)
class _Row:
    """A storage level under its name there, with its instances, and the fanouts inside as loops along X and Y."""

    level: Level
    name: str
    mesh: tuple[int, int]
    fanouts: tuple[Network, ...]
    inside: tuple[int, int]
    along_x: tuple[int, ...]


@dataclass(frozen=True)
class _Written:
    """A layer as it is written: levels in a row, dimensions and tensors under Timeloop's names."""

    layer: MappedLevels

    @cached_property
    def names(self) -> TimeloopNames:
        """Dimensions and data spaces."""
        return TimeloopNames.of(self.layer.nest)

    @cached_property
    def rows(self) -> tuple[_Row, ...]:
        """Storage levels, outermost first."""
        spare = (f"L{number}" for number in range(2 * len(self.layer.machine.levels) + 1))
        levels = list(fanouts_inside(self.layer.machine))
        names = allotted_names((level.name for level, _ in levels), _level_name, spare) or ()
        rows: list[_Row] = []
        mesh = (1, 1)
        for name, (level, fanouts) in zip(names, levels, strict=True):
            sizes, along_x = self._axes(fanouts)
            rows.append(_Row(level, name, mesh, fanouts, sizes, along_x))
            mesh = (mesh[0] * sizes[0], mesh[1] * sizes[1])
        return tuple(rows)

    @property
    def mesh(self) -> tuple[int, int]:
        """Multipliers along X and Y."""
        last = self.rows[-1]
        return last.mesh[0] * last.inside[0], last.mesh[1] * last.inside[1]

    def _axes(self, fanouts: Sequence[Network]) -> tuple[tuple[int, int], tuple[int, ...]]:
        """Sizes of neighbouring fanouts along X and Y, and the dimensions along X.

        Two fanouts are the two axes, unless one dimension is unrolled over both; otherwise all lie along X: only the
        product of a dimension's factors matters to the counts.
        """
        every = tuple(range(len(self.layer.nest.dims)))
        product = 1
        for network in fanouts:
            product *= network.size
        if len(fanouts) == 2:
            first, second = (set(self.layer.spread(network)) for network in fanouts)
            if not first & second:
                return (fanouts[0].size, fanouts[1].size), tuple(dim for dim in every if dim in first)
        return (product, 1), every

    def architecture(self) -> dict[str, object]:
        """Levels with their instances, prices (ERT) and areas (ART)."""
        clock = self.layer.machine.clock_mhz
        attributes = {"technology": "45nm", "global_cycle_seconds": 1e-9 if clock is None else 1 / (clock * 1e6)}
        bits = _BITS_PER_BYTE * max(self.layer.machine.bytes_per_element)
        multipliers = {"datawidth": bits, "meshX": self.mesh[0], "meshY": self.mesh[1]}
        local: list[object] = [
            {
                "name": _ranged(row.name, row.mesh),
                "class": "DRAM" if self._capacity_words(row.level) is None else "SRAM",
                "attributes": self._attributes(row, bits),
            }
            for row in self.rows
        ]
        local.append({"name": _ranged(_COMPUTE, self.mesh), "class": "intmac", "attributes": multipliers})
        system = {"name": _SYSTEM, "attributes": attributes, "local": local}
        tables: list[dict[str, object]] = []
        for row in self.rows:
            read, write = level_prices(row.level)
            tables.append(_table(row.name, row.mesh, {"read": read, "write": write, "update": write}))
        tables.append(_table(_COMPUTE, self.mesh, {"compute": self.layer.machine.mac_pj}))
        areas = [{"name": table["name"], "area": 0} for table in tables]
        return {
            "architecture": {"version": VERSION, "subtree": [system]},
            "ERT": {"version": VERSION, "tables": tables},
            "ART": {"version": VERSION, "tables": areas},
        }

    def _attributes(self, row: _Row, bits: int) -> dict[str, object]:
        level = row.level
        words = self._capacity_words(level)
        given: dict[str, object] = {
            "entries": words,
            "width": bits * level.block_elements,
            "datawidth": bits,
            "block_size": level.block_elements,
            "multiple_buffering": level.buffers if level.buffers > 1 and words is not None else None,
            "read_bandwidth": level.read_bandwidth,
            "write_bandwidth": level.write_bandwidth,
            "shared_bandwidth": level.bandwidth,
            "meshX": row.mesh[0],
            "meshY": row.mesh[1],
        }
        return {name: value for name, value in given.items() if value is not None}

    def _capacity_words(self, level: Level) -> int | None:
        """Words that a level may hold at most: those of the smallest kept, or what its partitions add up to."""
        kept = [t for t, keep in enumerate(level.keep) if keep != "never"]
        sizes = self.layer.machine.bytes_per_element
        if level.capacity_bytes is not None:
            return level.capacity_bytes // min((sizes[t] for t in kept), default=1)
        shares = [level.partitions[t] for t in kept]
        if not kept or any(share is None for share in shares):
            return None
        return sum((share or 0) // sizes[t] for t, share in zip(kept, shares, strict=True))

    def directives(self) -> list[object]:
        """What every level keeps, then loops, outermost first; permutations run from the innermost loop outwards."""
        spaces = self.names.data_spaces
        found: list[object] = []
        for row in self.rows:
            held = self.layer.kept(row.level)
            keep = [name for t, name in enumerate(spaces) if t in held]
            bypass = [name for name in spaces if name not in keep]
            found.append({"target": row.name, "type": "datatype", "keep": keep, "bypass": bypass})
        for row in self.rows:
            order = tuple(reversed(self.layer.mapping.orders[row.level.node]))
            factors = self.layer.mapping.factors[row.level.node]
            found.append(self._loops(row.name, "temporal", factors, order))
            if row.inside != (1, 1):
                found.append(self._spatial(row))
        return found

    def _spatial(self, row: _Row) -> dict[str, object]:
        dims = range(len(self.layer.nest.dims))
        factors = [1] * len(dims)
        for network in row.fanouts:
            for dim in dims:
                factors[dim] *= self.layer.mapping.factors[network.node][dim]
        order = (*row.along_x, *(dim for dim in dims if dim not in row.along_x))
        multicast = row.fanouts[0].multicast
        apart = [name for name, shared in zip(self.names.data_spaces, multicast, strict=True) if not shared]
        return {
            **self._loops(row.name, "spatial", factors, order),
            "split": len(row.along_x),
            "no_link_transfer": list(self.names.data_spaces),
            **({"no_reuse": apart} if apart else {}),
        }

    def _loops(self, target: str, kind: str, factors: Sequence[int], order: Sequence[int]) -> dict[str, object]:
        text = " ".join(f"{name}{factor}" for name, factor in zip(self.names.dims, factors, strict=True))
        permutation = "".join(self.names.dims[dim] for dim in order)
        return {"target": target, "type": kind, "factors": text, "permutation": permutation}

    def architecture_comments(self) -> Iterator[str]:
        """What is said and what is not."""
        yield from renaming_comments([row.level.name for row in self.rows], [row.name for row in self.rows], "Levels")
        yield (
            "Entries are elements, of the smallest tensor where sizes differ; levels without a limit are of class "
            "DRAM, which needs none. Bandwidths are elements per cycle. Energies (ERT) replace Accelergy's; areas are "
            "unknown."
        )
        yield (
            "Not said here: fanouts that lie along one axis one by one, and which dimensions they may take; limits of "
            "single tensors; banks; halos; DMA engines; energy, bandwidth and additions of networks."
        )

    def mapping_comments(self) -> Iterator[str]:
        """Names, and what the tool should say of the mapping."""
        nest, cost = self.layer.nest, self.layer.cost("timeloop")
        yield from renaming_comments(nest.dims, self.names.dims, "Dimensions")
        yield from renaming_comments([tensor.name for tensor in nest.tensors], self.names.data_spaces, "Tensors")
        yield (
            f"By its own way of counting Timeloop comes to {cost.cycles} cycles and {cost.energy_pj:.2f} pJ "
            "(dmaze-solve: accounting timeloop)."
        )


def _level_name(name: str) -> str | None:
    plain = re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) and name.lower() not in ("wire", _COMPUTE)
    return name if plain else None


def _ranged(name: str, mesh: tuple[int, int]) -> str:
    """A component's name with the range of its instances."""
    return name if mesh == (1, 1) else f"{name}[0..{mesh[0] * mesh[1] - 1}]"


def _table(name: str, mesh: tuple[int, int], energies_pj: Mapping[str, float]) -> dict[str, object]:
    """The energies of a component."""
    return {"name": f"{_SYSTEM}.{name}[1..{mesh[0] * mesh[1]}]", "actions": priced_actions(energies_pj)}
