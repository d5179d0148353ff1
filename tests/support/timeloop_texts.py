"""Small Timeloop designs as texts: a matrix product on a machine in each form that architectures are written in."""

from __future__ import annotations

from pathlib import Path

PROBLEM = """
problem:
  version: 0.4
  shape:
    name: product
    dimensions: [M, N, K]
    data_spaces:
    - {name: A, projection: [[[M]], [[K]]]}
    - {name: B, projection: [[[K]], [[N]]]}
    - {name: C, projection: [[[M]], [[N]]], read_write: true}
  instance: {M: 8, N: 6, K: 4}
"""

NODES = """
architecture:
  version: 0.4
  nodes:
  - !Container {name: chip, attributes: {datawidth: 8, rows: 16}}
  - !Component {name: DRAM, class: DRAM, attributes: {width: 32}}
  - !Component
    name: GLB
    class: smartbuffer_SRAM
    attributes: {depth: rows * 4, width: 32, read_bandwidth: 4, write_bandwidth: 2}
    constraints: {dataspace: {bypass: [B]}}
  - !Container {name: column, spatial: {meshX: 4}, constraints: {spatial: {factors: [K=1]}}}
  - !Container {name: PE, spatial: {meshX: 2, meshY: 3}, constraints: {spatial: {permutation: [M, N], split: 1}}}
  - !Parallel
    nodes:
    - !Component {name: inputs, class: regfile, attributes: {depth: 4}, constraints: {dataspace: {keep: [A]}}}
    - !Component
      name: weights
      class: regfile
      attributes: {depth: 12, multiple_buffering: 2}
      constraints: {dataspace: {keep: [B]}, temporal: {permutation: [K, N], factors: [M=1]}}
    - !Nothing {constraints: {dataspace: {keep: [C]}}}
  - !Component {name: mac, class: intmac}
"""

SUBTREE = """
architecture:
  version: 0.3
  subtree:
  - name: chip
    attributes: {word-bits: 8}
    local:
    - {name: DRAM, class: DRAM, attributes: {width: 32, block-size: 4}}
    subtree:
    - name: accelerator
      local:
      - {name: GLB, class: SRAM, attributes: {entries: 256, block-size: 4, shared-bandwidth: 6}}
      subtree:
      - name: PE[0..23]
        local:
        - {name: spad, class: regfile, attributes: {depth: 16, meshX: 8}}
        - {name: mac, class: intmac, attributes: {meshX: 8}}
"""

FLATTENED = """
architecture:
  version: '0.4'
  local:
  - {name: "top.DRAM[1..1]", class: DRAM, attributes: {width: 32, datawidth: 8, meshX: 1, meshY: 1}}
  - {name: "top.inter_PE_spatial[1..1]", class: dummy_storage, attributes: {width: 1, datawidth: 1, meshX: 1, meshY: 1}}
  - {name: "top.spad[1..8]", class: regfile, attributes: {depth: 16, datawidth: 8, meshX: 8, meshY: 1}}
  - {name: "top.mac[1..8]", class: intmac, attributes: {meshX: 8, meshY: 1}}
"""

FIRST_FORMAT = """
arch:
  arithmetic: {name: MACC, instances: 8, meshX: 4, word-bits: 16}
  storage:
  - {name: spad, entries: 16, instances: 8, meshX: 4, word-bits: 16, vector-access-energy: 0.5}
  - {name: GLB, sizeKB: 1, instances: 1, word-bits: 16, block-size: 4, read-bandwidth: 8}
  - {name: DRAM, technology: DRAM, instances: 1, word-bits: 16}
"""

PRICES = """
ERT:
  version: 0.4
  tables:
  - name: chip.DRAM[1..1]
    actions: [{name: read, energy: 64}, {name: write, energy: 60}, {name: update, energy: 60}]
  - name: chip.GLB[1..1]
    actions:
    - {name: read, arguments: {address_delta: 0}, energy: 1.5}
    - {name: read, arguments: {address_delta: 1}, energy: 2.5}
    - {name: write, energy: 3}
  - {name: "chip.inputs[1..24]", actions: [{name: read, energy: 0.25}, {name: write, energy: 0.5}]}
  - {name: "chip.weights[1..24]", actions: [{name: read, energy: 0.5}, {name: write, energy: 0.75}]}
  - {name: "chip.mac[1..24]", actions: [{name: compute, energy: 0.125}]}
"""

MAPPING = """
mapping:
- {target: DRAM, type: temporal, factors: M2 N1 K1, permutation: MNK}
- {target: GLB, type: datatype, keep: [A, C], bypass: [B]}
- {target: GLB, type: temporal, factors: M=1 N=1 K=2, permutation: NMK}
- {target: column, type: spatial, factors: [M=2], no_link_transfer: [A, B, C]}
- {target: PE, type: spatial, factors: M2 N3, permutation: MNK, split: 1, no_link_transfer: [A, B, C]}
- {target: inputs, type: bypass, keep: [A], bypass: [B, C]}
- {target: weights, type: bypass, keep: [B], bypass: [A, C]}
- {target: inputs, type: temporal, factors: K2}
- {target: weights, type: temporal, factors: N2, permutation: KN}
"""
"""Of :data:`NODES`, whose containers it names."""


def written(folder: Path, **texts: str) -> list[Path]:
    """The texts as YAML files of these names."""
    paths = [folder / f"{name}.yaml" for name in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths
