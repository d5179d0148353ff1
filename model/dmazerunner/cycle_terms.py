"""What the parts of a layer's time would take by themselves: why it takes the cycles that it takes.

Source: ``docs/model.md`` section 5, from whose quantities the terms are made. None of them exceeds the layer's cycles.
"""

from __future__ import annotations

from ..loop_nest import LoopNest
from ..mapping import Tiling
from .architecture import Architecture
from .cost import ExactCost, burst, deliveries, dma_cycles, footprints, reduction_words


def cycle_terms(nest: LoopNest, architecture: Architecture, tiling: Tiling, cost: ExactCost) -> dict[str, int]:
    """Cycles by term: `compute`, `noc.TENSOR` for every tensor, `reduction`, `dma`; each as if nothing else took time.

    ``compute``: multiply-accumulates over the PEs in use. ``noc.TENSOR``: all deliveries of a tensor, on a network of
    its own. ``reduction``: all additions of partial sums between PEs. ``dma``: all transfers of all tensors.
    """
    reuse = list(zip(cost.spm_reuse, cost.dram_reuse, strict=True))
    times = [deliveries(tiling, *factors) for factors in reuse]
    words = footprints(nest, tiling.pe_array_tile)
    networks = zip(nest.tensors, words, times, strict=True)
    return {
        "compute": nest.num_macs // tiling.pes_used,
        **{f"noc.{tensor.name}": cycles * number for tensor, cycles, number in networks},
        "reduction": reduction_words(nest, tiling) * times[nest.output],
        "dma": _transfer_cycles(nest, architecture, tiling, cost),
    }


def _transfer_cycles(nest: LoopNest, architecture: Architecture, tiling: Tiling, cost: ExactCost) -> int:
    """Cycles for which the DMA engine is busy: every visit of a tile, of the output in both directions."""
    cycles = 0
    for tensor, reuse in zip(nest.tensors, cost.dram_reuse, strict=True):
        ways = 2 if tensor.is_output else 1
        cycles += ways * dma_cycles(architecture, burst(tensor, tiling.spm_tile)) * (tiling.spm_passes // reuse)
    return cycles


def ideal_cycles(nest: LoopNest, architecture: Architecture) -> int:
    """Cycles if every PE were busy all the time, rounded up."""
    return -(-nest.num_macs // architecture.pes)


def deciding_term(terms: dict[str, int]) -> str:
    """The largest term; of equal ones the first."""
    return max(terms, key=terms.__getitem__)
