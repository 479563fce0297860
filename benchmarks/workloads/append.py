"""Appending a large table at once, to an empty one."""

from __future__ import annotations

from typing import Any

from peers.peer import Peer
from rows import rows_sql
from scale import Scale
from step import Step


def steps(scale: Scale) -> list[Step]:
    """Each time to a new table."""
    times = scale.times(6)
    return [
        Step("source", source),
        Step("synced", append, before=empty, times=times),
        Step("unsynced", append, before=empty_unsynced, times=times),
        Step("bytes", size),
        Step("content", content),
    ]


def source(peer: Peer, scale: Scale, turn: int) -> None:
    """A table in memory."""
    peer.stage("source", rows_sql(0, scale.rows))


def empty(peer: Peer, scale: Scale, turn: int) -> None:
    """A new table; commits are synced."""
    peer.create("t")
    peer.sync(True)


def empty_unsynced(peer: Peer, scale: Scale, turn: int) -> None:
    """A new table; commits are not synced."""
    peer.create("t")
    peer.sync(False)


def append(peer: Peer, scale: Scale, turn: int) -> None:
    """All rows as one commit."""
    peer.append("t", "source")


def size(peer: Peer, scale: Scale, turn: int) -> dict[str, int]:
    """Bytes on disk."""
    return {"bytes": peer.bytes("t")}


def content(peer: Peer, scale: Scale, turn: int) -> Any:
    """What arrived."""
    return peer.query("t", "SELECT count(*), sum(id), sum(score), min(name), max(created) FROM {t}")
