"""The printed loop nest is the mapping: every loop, every move where it happens, what is stationary and skipped."""

from __future__ import annotations

from typing import Any

import pytest
from dmaze.cli.reports.loop_listing import loop_lines
from dmaze.model.exports.mapped_layer import MappedLayer
from dmaze.model.layers import Conv2d, LoopNestLayer
from dmaze.model.mapping import MappingDocument
from reference import REFERENCE

CONV = Conv2d(
    type="conv2d",
    name="conv",
    batch=2,
    out_channels=8,
    in_channels=4,
    in_height=11,
    in_width=11,
    kernel_height=3,
    kernel_width=3,
    stride=2,
    padding=1,
)
SHARED = {
    "N": {"dram": 2},
    "M": {"dram": 2, "spatial": 4},
    "Ox": {"spm": 3, "rf": 2},
    "Oy": {"spatial": 3, "rf": 2},
    "Fx": {"rf": 3},
    "Fy": {"rf": 3},
}


def lines(tiling: dict[str, Any], dram_order: str, spm_order: str, layer: Conv2d | LoopNestLayer = CONV) -> str:
    document = {"tiling": tiling, "dram_order": dram_order.split(), "spm_order": spm_order.split()}
    mapping, nest = MappingDocument.model_validate(document), layer.loop_nest()
    mapped = MappedLayer.from_document(layer.name, 1, nest, REFERENCE, mapping)
    return "\n".join(loop_lines(mapped))


def test_moves_stand_above_the_loops_over_which_their_tensor_is_reused() -> None:
    tiling = {**SHARED, "C": {"spm": 2, "spatial": 2}}
    assert lines(tiling, "Fx Fy Oy Ox C N M", "Fx Fy Oy Ox N M C") == MOVES.strip()


MOVES = """
# DRAM, SPM passes: 4; stationary: I over M (2x)
for N_dram in range(2):
  # DMA: I DRAM -> SPM, 676 elements
  for M_dram in range(2):
    # DMA: W DRAM -> SPM, 144 elements
    # DMA: O SPM -> DRAM, 144 elements
    # SPM, RF passes in each: 6; stationary: O over C (2x)
    for Ox_spm in range(3):
      # NoC: O SPM <-> RF, 48 elements
      for C_spm in range(2):
        # NoC: I SPM -> RF, 130 elements
        # NoC: W SPM -> RF, 72 elements
        # PEs: 24 of 256; 2 PEs add up each element of O
        parallel for M_pe in range(4):
          parallel for C_pe in range(2):
            parallel for Oy_pe in range(3):
              for Ox_rf in range(2):
                for Oy_rf in range(2):
                  for Fx_rf in range(3):
                    for Fy_rf in range(3):
                      O[N][M][Ox][Oy] += I[N][C][2*Ox + Fx][2*Oy + Fy] * W[M][C][Fx][Fy]
"""


def test_skips_and_partial_sums_are_noted() -> None:
    tiling = {**SHARED, "C": {"dram": 4}}
    assert lines(tiling, "Fx Fy Oy Ox C M N", "Fx Fy Oy Ox N M C") == SKIP.strip()


SKIP = """
# DRAM, SPM passes: 16; stationary: W over N (2x)
for C_dram in range(4):
  for M_dram in range(2):
    # DMA: W DRAM -> SPM, 36 elements
    # NoC: W SPM -> RF, 36 elements; skip: stays there across SPM passes
    for N_dram in range(2):
      # DMA: I DRAM -> SPM, 169 elements
      # DMA: O SPM -> DRAM and partial sums back, 144 elements
      # SPM, RF passes in each: 3; stationary: W over Ox (3x)
      for Ox_spm in range(3):
        # NoC: I SPM -> RF, 65 elements
        # NoC: O SPM <-> RF, 48 elements
        # PEs: 12 of 256
        parallel for M_pe in range(4):
          parallel for Oy_pe in range(3):
            for Ox_rf in range(2):
              for Oy_rf in range(2):
                for Fx_rf in range(3):
                  for Fy_rf in range(3):
                    O[N][M][Ox][Oy] += I[N][C][2*Ox + Fx][2*Oy + Fy] * W[M][C][Fx][Fy]
"""


def test_general_indices_are_written_out() -> None:
    nest = LoopNestLayer.model_validate(
        {
            "type": "loop_nest",
            "name": "nest",
            "bounds": {"i": 4, "j": 3},
            "tensors": [
                {"name": "x", "index": ["j - i + 3", "7"]},
                {"name": "y", "index": ["-2*j - 1"]},
                {"name": "z", "index": ["i"], "output": True},
            ],
        }
    )
    printed = lines({"i": {"rf": 4}, "j": {"dram": 3}}, "i j", "i j", nest)
    assert printed.splitlines()[-1].strip() == "z[i] += x[-i + j + 3][7] * y[-2*j - 1]"


@pytest.mark.parametrize("orders", [("Fx Fy Oy Ox C M", "Fx Fy Oy Ox N M C"), ("", "")])
def test_a_mapping_without_its_orders_is_refused(orders: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="dram_order: expected every one of"):
        lines({**SHARED, "C": {"dram": 4}}, *orders)
