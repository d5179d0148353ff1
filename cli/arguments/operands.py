"""What verbs work on: the arguments without a name, as typer reads them. Nothing of ours is imported at a start."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .offered_values import DOCUMENTS, built_in_architecture, one_of

SpecPath = Annotated[
    Path,
    typer.Argument(
        metavar="SPEC",
        help="JSON file: architecture, workload, objective, limits, and a sweep with axes; or a built-in name.",
    ),
]
ModelPath = Annotated[
    Path,
    typer.Argument(
        metavar="SPEC",
        help="JSON file: architecture, workload, objective, limits; or a network as an .onnx file; or a built-in name.",
    ),
]
StudiedPath = Annotated[
    Path | None,
    typer.Argument(
        metavar="[SPEC]",
        help="JSON file: architecture, workload, objective, limits; or a network as an .onnx file; or a built-in name. "
        "May be left out with the mappings of a result, which holds its own.",
    ),
]
ModelPaths = Annotated[
    list[Path],
    typer.Argument(
        metavar="SPEC...",
        help="JSON file: architecture, workload, objective, limits; or a built-in name; or a network (.onnx, .yaml, "
        ".csv, .m); or files of Timeloop's architecture, problem, ERT, constraints; ZigZag's hardware, workload; "
        "SCALE-Sim's .cfg, .csv.",
    ),
]
RequestPaths = Annotated[
    list[Path],
    typer.Argument(
        metavar="REQUEST...",
        help="JSON file: architecture, layer, mappings; or a result, of which all mappings are costed; or the YAML "
        "files of a Timeloop design and its mapping.",
    ),
]
RequestPath = Annotated[Path, typer.Argument(metavar="REQUEST", help="JSON file: architecture, layer, mappings.")]
MachineName = Annotated[
    str,
    typer.Argument(
        metavar="MACHINE",
        help="A built-in architecture or a file of one; see the verb list.",
        autocompletion=built_in_architecture,
    ),
]
ResultPath = Annotated[Path, typer.Argument(metavar="RESULT", help="JSON file that --out or --json wrote.")]
LayerOfResult = Annotated[str, typer.Argument(metavar="LAYER", help="Name of a layer of the result.")]
ForeignPaths = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE...",
        help="A Timeloop problem and mapping, also with architecture, ERT, constraints; a ZigZag workload, also with "
        "hardware; SCALE-Sim's .cfg and .csv.",
    ),
]
ListedKind = Annotated[
    str | None,
    typer.Argument(
        metavar="[machines]", help="machines: with where figures come from.", autocompletion=one_of("machines")
    ),
]
SchemaName = Annotated[
    str | None,
    typer.Argument(
        metavar="[DOCUMENT]",
        help=f"One of {', '.join(DOCUMENTS)}; default: all.",
        autocompletion=one_of(*DOCUMENTS),
    ),
]
