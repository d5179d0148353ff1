"""Accelerator descriptions (``docs/contract.md`` section 1, ``docs/model.md`` section 1)."""

from __future__ import annotations

from typing import ClassVar

from ..base import Clock, Model, PositiveInt, Price, Text
from ..cost_model import DEFAULT_COST_MODEL


class Spm(Model):
    """The shared scratchpad; the stated capacity is the half that one of its two buffers may use."""

    banks: PositiveInt
    """Banks of the SPM that one of its two buffers may use; no two tensors share a bank."""
    bytes_per_bank: PositiveInt
    """Bytes of one bank."""


class Dma(Model):
    """The DMA engine between DRAM and SPM; cycles are of its own clock."""

    init_cycles: Price
    """Cycles of the engine's clock that a burst takes to start."""
    cycles_per_byte: Price
    """Cycles of the engine's clock for every byte of a burst."""
    clock_mhz: Clock
    """The engine's clock in MHz."""


class AccessEnergy(Model):
    """Energy in pJ per element and access, and per multiply-accumulate."""

    rf: Price
    """Energy in pJ of an access to a register file, per element."""
    noc: Price
    """Energy in pJ of an element that crosses the NoC between SPM and PEs."""
    spm: Price
    """Energy in pJ of an access to the SPM, per element."""
    dram: Price
    """Energy in pJ of an access to DRAM, per element."""
    mac: Price
    """Energy in pJ of a multiply-accumulate, and of an addition of two partial sums."""


class Architecture(Model):
    """An accelerator: DRAM -> DMA -> SPM -> NoC -> register files of the PEs.

    Example:
        >>> arch = Architecture(name="one", pes=1, rf_bytes_per_pe=16, spm=Spm(banks=3, bytes_per_bank=64),
        ...     bytes_per_element=2, clock_mhz=500, dma=Dma(init_cycles=291, cycles_per_byte=0.24, clock_mhz=3200),
        ...     access_energy_pj=AccessEnergy(rf=0.96, noc=2, spm=13.5, dram=200, mac=0.075))
        >>> arch.spm_bytes
        192
    """

    cost_model: ClassVar[str] = DEFAULT_COST_MODEL
    """The cost model that architectures of this kind select."""

    name: Text
    """What the architecture is called."""
    pes: PositiveInt
    """Processing elements (PEs) of the array."""
    rf_bytes_per_pe: PositiveInt
    """Bytes of the register file of one PE, shared by all tensors."""
    spm: Spm
    """The shared scratchpad memory, as one of its two buffers may use it."""
    bytes_per_element: PositiveInt
    """Bytes of an element, the same for every tensor."""
    clock_mhz: Clock
    """The accelerator's clock in MHz; cycles are of this clock."""
    dma: Dma
    """The DMA engine between DRAM and SPM."""
    access_energy_pj: AccessEnergy
    """Energies in pJ per element and access, and per multiply-accumulate."""

    @property
    def spm_bytes(self) -> int:
        """Bytes of the SPM that one buffer may use."""
        return self.spm.banks * self.spm.bytes_per_bank

    @property
    def rf_elements(self) -> int:
        """Elements that fit one register file."""
        return self.rf_bytes_per_pe // self.bytes_per_element
