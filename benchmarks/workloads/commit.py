"""Many small appends in a row, each a commit, and reading what they leave behind."""

from __future__ import annotations

from typing import Any

from peers.peer import Peer
from rows import rows_sql
from scale import Scale
from step import Step

CHUNK = 20


def steps(scale: Scale) -> list[Step]:
    """Commits come in chunks of 20, so that a slow moment of the machine meets all peers."""
    times = scale.times(10)
    found = [
        Step("start", start),
        Step("synced", synced, times=scale.short // CHUNK, each=CHUNK),
        Step("unsynced", unsynced, times=scale.short // CHUNK, each=CHUNK),
        Step("key after", key, times=times),
        Step("count after", count, times=times),
        Step("aggregate after", aggregate, times=times),
    ]
    if scale.commits > scale.short:
        found.append(Step("unsynced on", on, times=(scale.commits - scale.short) // CHUNK, each=CHUNK))
        found.append(Step("key at the end", key, times=times))
    return found


def start(peer: Peer, scale: Scale, turn: int) -> None:
    """Two empty tables, and the rows of a commit."""
    peer.stage("source", rows_sql(0, scale.batch))
    peer.create("synced")
    peer.create("unsynced")


def synced(peer: Peer, scale: Scale, turn: int) -> None:
    """A durable commit."""
    _commit(peer, scale, turn, "synced")


def unsynced(peer: Peer, scale: Scale, turn: int) -> None:
    """A commit that a power failure may lose."""
    _commit(peer, scale, turn, "unsynced")


def on(peer: Peer, scale: Scale, turn: int) -> None:
    """The same table's later commits."""
    _commit(peer, scale, turn + scale.short, "unsynced")


def _commit(peer: Peer, scale: Scale, turn: int, table: str) -> None:
    if turn % CHUNK == 0:
        peer.sync(table == "synced")
    peer.append(table, f"(SELECT * REPLACE (id + {turn * scale.batch} AS id) FROM source)")


def key(peer: Peer, scale: Scale, turn: int) -> Any:
    """The row with an id."""
    row = (turn * 6_007 + 7) % (scale.short * scale.batch)
    return peer.query("unsynced", f"SELECT * FROM {{t}} WHERE id = {row}")


def count(peer: Peer, scale: Scale, turn: int) -> Any:
    """All rows."""
    return peer.query("unsynced", "SELECT count(*) FROM {t}")


def aggregate(peer: Peer, scale: Scale, turn: int) -> Any:
    """Count and mean by label."""
    return peer.query("unsynced", "SELECT label, count(*), avg(score) FROM {t} GROUP BY label")
