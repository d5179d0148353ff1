"""What a mapping is and what it costs: the public documents, the exact model, and how specs are read.

Example:
    >>> from dmaze.model import load_spec
    >>> spec = load_spec("spec.json")  # doctest: +SKIP
"""

from .architecture import Architecture
from .constraints import Constraints
from .designs import load_sweep
from .evaluate import EvaluateRequest, EvaluateResult, evaluate, load_request
from .faults import BackendFault, DmazeError, Fault, InputError
from .layers import (
    AttentionScores,
    AttentionValues,
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose2d,
    Gemm,
    Layer,
    LoopNestLayer,
    Mttkrp,
    TtmChain,
)
from .loading import load_spec, resolve_spec
from .loop_nest import LoopNest
from .mapping import MappingDocument
from .result import Cost, LayerResult, Result, Solution, Totals
from .spec import LayerList, NetworkReference, SolverOptions, Spec
from .studies import DataflowStudy, GapStudy
from .sweep import SweepSpec
from .sweep_results import SweepResult
from .verification import Verification, load_result

__all__ = [
    "Architecture",
    "AttentionScores",
    "AttentionValues",
    "BackendFault",
    "Constraints",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose2d",
    "Cost",
    "DataflowStudy",
    "DmazeError",
    "EvaluateRequest",
    "EvaluateResult",
    "Fault",
    "GapStudy",
    "Gemm",
    "InputError",
    "Layer",
    "LayerList",
    "LayerResult",
    "LoopNest",
    "LoopNestLayer",
    "MappingDocument",
    "Mttkrp",
    "NetworkReference",
    "Result",
    "Solution",
    "SolverOptions",
    "Spec",
    "SweepResult",
    "SweepSpec",
    "Totals",
    "TtmChain",
    "Verification",
    "evaluate",
    "load_request",
    "load_result",
    "load_spec",
    "load_sweep",
    "resolve_spec",
]
