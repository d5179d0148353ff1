"""Accounting presets: how words are counted where tools differ (hierarchy model, section 9)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

AccountingName = Literal["executed", "timeloop", "accelforge"]
"""What really moves (the default), or what the tool of that name counts."""


@dataclass(frozen=True)
class Accounting:
    """The switches of one preset; single switches are not combined, only ``mac_first_read`` stands beside any."""

    name: AccountingName
    shares_equal_words: bool
    """Whether instances under a multicast share every equal word; else each gets a copy of its own (`accelforge`)."""
    stays_below_fanout: bool
    """Whether only loops inside the innermost fanout in use above a level leave its tiles where they are."""
    drain_reads: bool
    """Whether writing back reads the level that is drained."""
    reads_back_to_all: bool
    """Whether all reducing instances get the partial sum back, rather than one."""
    has_networks: bool
    """Whether fanouts' words and additions cost energy and time, and DMA engines are there."""
    strides: bool
    """Whether words are counted by the stride rule of `timeloop`, and cycles by its slowdown of each level."""
    mac_first_read: bool = False
    """Whether the first accumulation of a word reads it, too."""

    @property
    def has_walk(self) -> bool:
        """Whether the walk's latency is defined."""
        return not self.strides


_PRESETS = (
    Accounting(
        name="executed",
        shares_equal_words=True,
        stays_below_fanout=False,
        drain_reads=True,
        reads_back_to_all=False,
        has_networks=True,
        strides=False,
    ),
    Accounting(
        name="timeloop",
        shares_equal_words=True,
        stays_below_fanout=False,
        drain_reads=False,
        reads_back_to_all=True,
        has_networks=False,
        strides=True,
    ),
    Accounting(
        name="accelforge",
        shares_equal_words=False,
        stays_below_fanout=True,
        drain_reads=True,
        reads_back_to_all=True,
        has_networks=False,
        strides=False,
    ),
)

ACCOUNTINGS: tuple[AccountingName, ...] = get_args(AccountingName)
"""The names of the presets, the default first."""

EXECUTED = _PRESETS[0]
"""What an execution with real words moves."""


def accounting(name: AccountingName, *, mac_first_read: bool = False) -> Accounting:
    """The preset of a name."""
    preset = next(preset for preset in _PRESETS if preset.name == name)
    return replace(preset, mac_first_read=mac_first_read)
