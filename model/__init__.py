"""What a mapping is and what it costs: the public documents, the exact model, and how specs are read.

Example:
    >>> from dmaze.model import load_spec
    >>> spec = load_spec("spec.json")  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .lazy_exports import lazy_exports

if TYPE_CHECKING:
    from .designs import load_sweep
    from .dmazerunner.architecture import Architecture
    from .dmazerunner.constraints import Constraints
    from .dmazerunner.cost_document import Cost
    from .dmazerunner.evaluated_cost import EvaluatedCost
    from .documents.evaluation import EvaluateRequest, EvaluateResult
    from .documents.explaining.explanation import Explanation
    from .documents.networks.network_result import NetworkGoal, NetworkResult
    from .documents.networks.network_verification import NetworkVerification
    from .documents.pareto import ParetoFronts
    from .documents.result import LayerResult, Result, Solution, Totals
    from .documents.spec import LayerList, NetworkReference, SolverOptions, Spec
    from .documents.study_results import DataflowStudy, GapStudy
    from .documents.sweep_results import SweepResult
    from .documents.sweep_spec import SweepSpec
    from .documents.verification import Verification
    from .evaluating import evaluate, load_request
    from .faults import BackendFault, DmazeError, Fault, InputError
    from .hierarchy.constraints.level_constraints import LevelConstraints
    from .hierarchy.hierarchy_documents import EvaluatedLevels, LevelsCost
    from .hierarchy.level_mapping import LevelMappingDocument
    from .hierarchy.machine import Machine
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
    from .loop_nest import LoopNest
    from .mapping import MappingDocument
    from .reading.loading import load_spec, resolve_spec
    from .reading.references import resolve_architecture
    from .reading.results import load_result
    from .reading.sources.given_document import DocumentSource
    from .reading.sources.given_spec import SpecSource
    from .reading.sources.spec_options import SpecOptions

    __version__: str

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
    "DocumentSource",
    "EvaluateRequest",
    "EvaluateResult",
    "EvaluatedCost",
    "EvaluatedLevels",
    "Explanation",
    "Fault",
    "GapStudy",
    "Gemm",
    "InputError",
    "Layer",
    "LayerList",
    "LayerResult",
    "LevelConstraints",
    "LevelMappingDocument",
    "LevelsCost",
    "LoopNest",
    "LoopNestLayer",
    "Machine",
    "MappingDocument",
    "Mttkrp",
    "NetworkGoal",
    "NetworkReference",
    "NetworkResult",
    "NetworkVerification",
    "ParetoFronts",
    "Result",
    "Solution",
    "SolverOptions",
    "Spec",
    "SpecOptions",
    "SpecSource",
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
    "resolve_architecture",
    "resolve_spec",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "designs": ("load_sweep",),
            "dmazerunner.architecture": ("Architecture",),
            "dmazerunner.constraints": ("Constraints",),
            "mapping": ("MappingDocument",),
            "dmazerunner.cost_document": ("Cost",),
            "dmazerunner.evaluated_cost": ("EvaluatedCost",),
            "documents.explaining.explanation": ("Explanation",),
            "documents.networks.network_result": ("NetworkGoal", "NetworkResult"),
            "documents.networks.network_verification": ("NetworkVerification",),
            "documents.pareto": ("ParetoFronts",),
            "documents.result": ("LayerResult", "Result", "Solution", "Totals"),
            "documents.spec": ("LayerList", "NetworkReference", "SolverOptions", "Spec"),
            "documents.study_results": ("DataflowStudy", "GapStudy"),
            "documents.sweep_results": ("SweepResult",),
            "documents.sweep_spec": ("SweepSpec",),
            "documents.verification": ("Verification",),
            "documents.evaluation": ("EvaluateRequest", "EvaluateResult"),
            "evaluating": ("evaluate", "load_request"),
            "faults": ("BackendFault", "DmazeError", "Fault", "InputError"),
            "hierarchy.constraints.level_constraints": ("LevelConstraints",),
            "hierarchy.hierarchy_documents": ("EvaluatedLevels", "LevelsCost"),
            "hierarchy.level_mapping": ("LevelMappingDocument",),
            "hierarchy.machine": ("Machine",),
            "layers": (
                "AttentionScores",
                "AttentionValues",
                "Conv1d",
                "Conv2d",
                "Conv3d",
                "ConvTranspose2d",
                "Gemm",
                "Layer",
                "LoopNestLayer",
                "Mttkrp",
                "TtmChain",
            ),
            "loop_nest": ("LoopNest",),
            "reading.loading": ("load_spec", "resolve_spec"),
            "reading.references": ("resolve_architecture",),
            "reading.results": ("load_result",),
            "reading.sources.given_document": ("DocumentSource",),
            "reading.sources.given_spec": ("SpecSource",),
            "reading.sources.spec_options": ("SpecOptions",),
        },
    )
