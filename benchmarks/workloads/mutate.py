"""Changing 1 % of a large table three ways, reading it then, and asking what changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from peers.peer import Peer
from rows import rows_sql
from scale import Scale
from step import Step

_versions: list[Any] = []


def rounds(scale: Scale) -> int:
    """Each round on a new table."""
    return scale.times(4)


def steps(scale: Scale) -> list[Step]:
    """One round."""
    return [
        Step("source", source, once=True),
        Step("load", load),
        Step("delete", delete),
        Step("upsert", upsert),
        Step("update", update),
        Step("content", content),
        Step("aggregate after", aggregate, times=scale.times(5)),
        Step("key after", key, times=scale.times(5)),
        Step("changes", changes, times=scale.times(3), check=kinds("change_type")),
        Step("diff", diff, times=scale.times(2)),
        Step("compact", compact),
        Step("aggregate compacted", aggregate, times=scale.times(5)),
        Step("key compacted", key, times=scale.times(5)),
    ]


def kinds(column: str) -> Callable[[Any], Any]:
    """How many rows there are of each kind."""
    return lambda result: list(Counter(result[column].to_pylist()).items())


def source(peer: Peer, scale: Scale, turn: int) -> None:
    """All rows; and an upsert of 1 % changed rows and 1 % new ones."""
    one = scale.rows // 100
    peer.stage("source", rows_sql(0, scale.rows))
    peer.stage("upserts", f"{rows_sql(13, one, step=100, bonus=1)} UNION ALL {rows_sql(scale.rows, one)}")


def load(peer: Peer, scale: Scale, turn: int) -> None:
    """A new table."""
    peer.create("t")
    peer.append("t", "source")
    _versions[:] = [peer.version("t")]


def delete(peer: Peer, scale: Scale, turn: int) -> None:
    """1 % of the rows, scattered."""
    peer.delete("t", "id % 100 = 7")


def upsert(peer: Peer, scale: Scale, turn: int) -> None:
    """1 % changed, 1 % new."""
    peer.upsert("t", "upserts")


def update(peer: Peer, scale: Scale, turn: int) -> None:
    """1 % of the rows, scattered."""
    peer.update("t", "score", "score + 2", "id % 100 = 29")


def content(peer: Peer, scale: Scale, turn: int) -> Any:
    """What the table now holds."""
    _versions[1:] = [peer.version("t")]
    return peer.query("t", "SELECT count(*), sum(id), sum(score), min(name), max(created) FROM {t}")


def aggregate(peer: Peer, scale: Scale, turn: int) -> Any:
    """Count and mean by label."""
    return peer.query("t", "SELECT label, count(*), avg(score) FROM {t} GROUP BY label")


def key(peer: Peer, scale: Scale, turn: int) -> Any:
    """The row with an id: sometimes one that changed."""
    return peer.query("t", f"SELECT * FROM {{t}} WHERE id = {scale.key(turn) // 100 * 100 + (7, 13, 29, 50)[turn % 4]}")


def compact(peer: Peer, scale: Scale, turn: int) -> None:
    """Without the deleted rows, in the order of the key."""
    peer.compact("t")


def changes(peer: Peer, scale: Scale, turn: int) -> Any:
    """The whole feed of the three commits."""
    return peer.changes("t", *_versions)


def diff(peer: Peer, scale: Scale, turn: int) -> Any:
    """The net difference."""
    return peer.diff("t", *_versions)
