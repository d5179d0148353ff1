"""Which tool's design some files hold together, found out by their contents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...faults import InputError
from ..interop.imported_design import ImportedDesign
from ..references import resolve_workload
from ..tables.scalesim_machines import dataflow_constraints, is_configuration, read_scalesim_machine
from ..timeloop_files.timeloop_design import read_design
from .zigzag_design import read_zigzag_design


def read_foreign_design(paths: Sequence[Path]) -> ImportedDesign | None:
    """The design of Timeloop, ZigZag or SCALE-Sim in some files; ``None`` where none of them holds a machine.

    Raises:
        InputError: for files that are not well formed, or do not make a design together.
    """
    if any(is_configuration(path.name) for path in paths):
        return _scalesim_design(paths)
    return read_design(paths) or read_zigzag_design(paths)


def _scalesim_design(paths: Sequence[Path]) -> ImportedDesign:
    """A configuration with its topology, or with any other network."""
    configurations = [path for path in paths if is_configuration(path.name)]
    networks = [path for path in paths if path not in configurations]
    if (len(configurations), len(networks)) != (1, 1):
        message = "expected a configuration of SCALE-Sim and one table of layers"
        raise InputError.single(", ".join(map(str, paths)), "", message)
    layers = resolve_workload(str(networks[0]), Path())
    machine, dataflow = read_scalesim_machine(configurations[0])
    nests = [layer.loop_nest() for layer in layers.layers]
    return ImportedDesign(machine, layers, dataflow_constraints(dataflow, nests, str(configurations[0])))
