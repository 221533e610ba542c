"""What moves at one instant cost in other orders: the least and the greatest cost over all of them."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._kernels.alignment import Prices
from rupturekit._kernels.orders import Extremes, Group
from rupturekit._table import freeze
from rupturekit.kinds import Block, MoveReader, blocks_of
from rupturekit.replays import Replay
from rupturekit.ties import later_at_instant

__all__ = ["CostsOverOrders", "costs_over_orders"]

Whole = npt.NDArray[np.int64]


@attrs.frozen(kw_only=True, eq=False)
class CostsOverOrders:
    """The least and the greatest cheapest cost of each episode over all orders of its moves at one instant.

    Attributes
    ----------
    least, greatest : int64, one an episode
    exact : bool, one an episode
        Whether some order has each of the two. Where not, they are bounds: no order costs less, or more.
    """

    least: Whole
    greatest: Whole
    exact: npt.NDArray[np.bool_]


def costs_over_orders(replay: Replay, prices: Prices, *, cost: Whole) -> CostsOverOrders:
    """Find the least and the greatest cost over all orders of moves at one instant of one session.

    Exact for up to six moves at an instant, and for more where some are alike; beyond, and where the orders lead to
    too many different vectors of costs, bounds. `cost` is that of the order of the replay: episodes without moves at
    one instant keep it.
    """
    least, greatest, exact = cost.copy(), cost.copy(), np.ones(len(cost), dtype=bool)
    found = Extremes(prices)
    for at, groups in _tied(replay):
        (least[at], sure), (greatest[at], certain) = found.over(groups)
        exact[at] = sure and certain
    return CostsOverOrders(least=freeze(least), greatest=freeze(greatest), exact=freeze(exact))


def _tied(replay: Replay) -> Iterator[tuple[int, list[Group]]]:
    """Yield the place and the moves, instant by instant, of every episode with several moves at one."""
    reader = MoveReader(replay.cohort, replay.kinds)
    for block in blocks_of(replay.episodes):
        later = later_at_instant(replay.cohort, block)
        if later.any():
            yield from _tied_of_block(reader, block, later)


def _tied_of_block(reader: MoveReader, block: Block, later: npt.NDArray[np.bool_]) -> Iterator[tuple[int, list[Group]]]:
    lead, rest = (reader.kinds.symbol.take(kind).tolist() for kind in reader.read_in_any_order(block, ~later))
    pairs = list(zip(lead, rest, strict=True))
    edges = np.append(np.flatnonzero(~later), len(later))
    touched = np.unique(np.searchsorted(block.offsets, np.flatnonzero(later), side="right") - 1)
    first, last = (np.searchsorted(edges, block.offsets[touched + more]).tolist() for more in (0, 1))
    opened = edges.tolist()
    for owner, low, high in zip(touched.tolist(), first, last, strict=True):
        yield block.low + owner, [tuple(sorted(pairs[opened[at] : opened[at + 1]])) for at in range(low, high)]
