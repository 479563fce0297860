"""Reading a few rows of a large table by key."""

from __future__ import annotations

from typing import Any

from peers.peer import Peer
from scale import Scale
from step import Step

from workloads.scan import load


def steps(scale: Scale) -> list[Step]:
    """The queries take turns."""
    times = scale.times(30)
    return [
        Step("load", load),
        Step("key", key, times=times),
        Step("range", key_range, times=times),
    ]


def key(peer: Peer, scale: Scale, turn: int) -> Any:
    """The row with an id."""
    return peer.query("big", f"SELECT * FROM {{t}} WHERE id = {scale.key(turn)}")


def key_range(peer: Peer, scale: Scale, turn: int) -> Any:
    """A thousandth of the rows, next to each other."""
    first = scale.key(turn)
    return peer.query(
        "big", f"SELECT id, label, score FROM {{t}} WHERE id BETWEEN {first} AND {first + scale.rows // 1000 - 1}"
    )
