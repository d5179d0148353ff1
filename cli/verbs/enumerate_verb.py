"""The verb ``enumerate``: everything that the constraints leave, searched without a solver."""

from __future__ import annotations

from functools import partial

from ..answer import Action, Delivery
from ..arguments.caching import CacheOptions
from ..arguments.grouping import with_groups
from ..arguments.operands import ModelPaths
from ..arguments.option_groups import ProofGoals, SpecValues, TimeLimits
from ..arguments.options import (
    ExportTargets,
    Loops,
    TopK,
    TracePath,
    WithBound,
    WithCertificate,
    Workers,
)
from ..arguments.overrides import overrides_from_options
from ..export import exports_from_options
from ..extras import Extras
from ..pages.delivery import PictureOptions
from .solve_verb import run_solve


@with_groups
def enumerate_verb(
    spec: ModelPaths,
    *,
    delivery: Delivery,
    loops: Loops = False,
    certificate: WithCertificate = False,
    trace: TracePath = None,
    pictures: PictureOptions,
    export: ExportTargets = None,
    values: SpecValues,
    times: TimeLimits,
    workers: Workers = None,
    top_k: TopK = None,
    bound: WithBound = False,
    proofs: ProofGoals,
    caching: CacheOptions,
) -> Action:
    """Search everything that the constraints leave, without a solver, and count it."""
    backend = "exhaustive-bounded" if bound else "exhaustive"
    extras = Extras(loops, certificate, trace, pictures, exports_from_options(export or ()))
    given = {**values.given, "backend": backend, **times.given, "workers": workers, "top_k": top_k, **proofs.given}
    cache = caching.chosen(recorded=extras.recorded)
    overrides = overrides_from_options(given, values.named)
    return partial(run_solve, spec, overrides, delivery, extras, cache, require_proof=proofs.require_proof)
