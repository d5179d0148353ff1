"""What words that lie on an open edge still cost before the edge ends, at the least."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..space.edge_prices import EdgePrices
from ..space.tile_vectors import Floats
from .stages import Stage


@dataclass(frozen=True)
class Tail:
    """Lower bounds for each word of a tensor on an edge, one entry for each quantity.

    ``plain`` leaves read-backs out; ``full`` has them, ``credit`` is what first visits take off at the most. ``last``
    is the part of ``plain`` for the outer end of the edge, ``fewer`` by how much fanouts outside the stage divide it.
    ``whole``: ``plain`` if they divided nothing.
    Cycles are those of a run in which every fanout outside a port has as many instances as it can.
    """

    plain: Floats
    full: Floats
    credit: Floats
    last: Floats
    fewer: float
    whole: Floats


def fewest_instances_share(prices: EdgePrices) -> Floats:
    """For every quantity the share of a sum over all instances that the busiest one has at the least."""
    space = prices.space
    return np.array([1.0 / space.instances_outside(sum_.node) if sum_.divides else 1.0 for sum_ in prices.sums.listed])


def tail(prices: EdgePrices, stage: Stage, tensor: int) -> Tail:
    """What is still to come of the edge of a tensor at a stage.

    At a fanout that is what follows the unrolling: its root and everything outside; at a level, all that is outside.
    Words can become fewer at every fanout that shares them, by as many as it has instances.
    """
    space, shape = prices.space, len(prices.sums)
    plain, full, credit, whole = np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape)
    child = prices.child(tensor, stage.node + 1)
    parent, fewer = prices.parent(tensor, child), 1.0
    for network in reversed(space.machine.networks):
        here = network.node == stage.node
        if not parent < network.node < child or network.node > stage.node:
            continue
        if not here:
            full += prices.at_instances[tensor, network.node] / fewer
            plain += prices.at_instances[tensor, network.node] / fewer
            whole += prices.at_instances[tensor, network.node]
            fewer *= space.most_instances[network.node] if space.shares(tensor, network) else 1.0
        root = prices.at_root[tensor, network.node]
        plain += root.without_read_backs / fewer
        whole += root.without_read_backs
        full += root.price / fewer
        credit += root.credit * space.most_reduction(network.node)
    leaving = prices.leaving[tensor, child]
    plain += leaving.without_read_backs / fewer
    whole += leaving.without_read_backs
    full += leaving.price / fewer
    credit += leaving.credit * space.most_reduction(parent)
    share = fewest_instances_share(prices)
    last = leaving.without_read_backs * share
    return Tail(plain * share, full * share, credit * share, last, fewer, whole * share)


def closing_cost(prices: EdgePrices, stage: Stage, rest: Tail, tensor: int, quantity: int) -> Floats:
    """What the open edge of a pending tensor costs at the least if it is replaced at a stage of loops, by tile vector.

    A pending tensor's words at a tile vector are no fewer than if tiles of that size had been brought all along.
    """
    space = prices.space
    child = prices.child(tensor, stage.node + 1)
    charge, share = prices.entering[tensor, child], fewest_instances_share(prices)[quantity]
    plain, full = charge.without_read_backs[quantity], charge.price[quantity]
    credit = charge.credit[quantity] * space.most_reduction(child)
    passed = [network for network in space.machine.networks if stage.node < network.node < child]
    for network in passed:
        moved, root = prices.at_instances[tensor, network.node], prices.at_root[tensor, network.node]
        plain += moved[quantity] + root.without_read_backs[quantity]
        full += moved[quantity] + root.price[quantity]
        credit += root.credit[quantity] * space.most_reduction(network.node)
    words = prices.least_words(tensor)
    least = (plain * share + rest.plain[quantity]) * words
    saved = credit * share + rest.credit[quantity]
    if saved:
        exact = (full * share + rest.full[quantity]) * words - saved * space.vectors.first_visits
        return np.maximum(least, exact)
    return (full * share + rest.full[quantity]) * words


def edge_cost(prices: EdgePrices, tensor: int, child: int, quantity: int) -> Floats:
    """What an edge further in costs at the least, by the tile vector at which its tile is replaced at last."""
    space, share = prices.space, fewest_instances_share(prices)[quantity]
    parent = prices.parent(tensor, child)
    charges = [(prices.entering[tensor, child], child), (prices.leaving[tensor, child], parent)]
    moved = 0.0
    for network in space.machine.networks:
        if parent < network.node < child:
            charges.append((prices.at_root[tensor, network.node], network.node))
            moved += prices.at_instances[tensor, network.node][quantity]
    plain = moved + sum(charge.without_read_backs[quantity] for charge, _ in charges)
    full = moved + sum(charge.price[quantity] for charge, _ in charges)
    saved = sum(charge.credit[quantity] * space.most_reduction(node) for charge, node in charges)
    words = prices.least_words(tensor)
    least: Floats = np.maximum(plain * words, full * words - saved * space.vectors.first_visits)
    return least * share
