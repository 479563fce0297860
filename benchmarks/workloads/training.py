"""Records of 16 KiB as a training loop reads them: in shuffled batches, in order, and through worker processes."""

from __future__ import annotations

from typing import Any

from peers.peer import Peer
from scale import Scale
from step import Step

from workloads.records import BYTES, append, count, empty, source

BATCH = 64


def steps(scale: Scale) -> list[Step]:
    """The reads take turns; the first of each opens what it reads."""
    times = scale.times(8)
    return [
        Step("source", source),
        Step("load", append, before=empty),
        Step("shuffled", shuffled, times=times),
        Step("in order", in_order, times=times),
        Step("0 workers", plain, times=scale.times(6)),
        Step("2 workers", workers, times=scale.times(6)),
    ]


def shuffled(peer: Peer, scale: Scale, turn: int) -> Any:
    """All records once, in an order that the turn chooses, in batches of 64 rows with their labels."""
    return _counted(peer.epoch("r", turn, BATCH), scale)


def in_order(peer: Peer, scale: Scale, turn: int) -> Any:
    """All records as they lie there."""
    return _counted(peer.rows("r"), scale)


def plain(peer: Peer, scale: Scale, turn: int) -> Any:
    """Shuffled through PyTorch's DataLoader: records become tensors of 16 KiB, stacked to batches."""
    return _counted(peer.loaded("r", turn, BATCH, 0), scale)


def workers(peer: Peer, scale: Scale, turn: int) -> Any:
    """The same with two worker processes, which stay: only the first turn starts them."""
    return _counted(peer.loaded("r", turn, BATCH, 2), scale)


def _counted(length: int, scale: Scale) -> list[tuple[int]]:
    assert length == count(scale) * BYTES, f"{length} bytes of records"
    return [(length,)]
