"""A table of very many small files: opening it, and one row by key."""

from __future__ import annotations

from typing import Any

from peers.peer import Peer
from rows import rows_sql
from scale import Scale
from step import Step


def steps(scale: Scale) -> list[Step]:
    """Space SQL makes the files by as many commits, the others in their quickest way."""
    times = scale.times(7)
    return [
        Step("build", build),
        Step("open", opening, times=times),
        Step("key", key, times=times),
    ]


def build(peer: Peer, scale: Scale, turn: int) -> Any:
    """The files; times only of real commits."""
    peer.stage("source", rows_sql(0, scale.files * scale.batch))
    peer.create("many")
    return {"seconds": peer.append_parts("many", "source", scale.files, scale.batch)}


def opening(peer: Peer, scale: Scale, turn: int) -> Any:
    """How many rows it has, as if never seen before."""
    return peer.count_at_open("many")


def key(peer: Peer, scale: Scale, turn: int) -> Any:
    """The row with an id."""
    return peer.query("many", f"SELECT * FROM {{t}} WHERE id = {scale.key(turn) % (scale.files * scale.batch)}")
