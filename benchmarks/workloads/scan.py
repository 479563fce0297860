"""Reading a large table: an aggregate, a filter on a column without order, one column to Arrow."""

from __future__ import annotations

from typing import Any

from peers.peer import Peer
from rows import name_of, rows_sql
from scale import Scale
from step import Step


def steps(scale: Scale) -> list[Step]:
    """The queries take turns."""
    times = scale.times(15)
    return [
        Step("load", load),
        Step("aggregate", aggregate, times=times),
        Step("filter", filter_name, times=times),
        Step("column", column, times=times),
    ]


def load(peer: Peer, scale: Scale, turn: int) -> None:
    """A table of one append."""
    peer.stage("source", rows_sql(0, scale.rows))
    peer.create("big")
    peer.append("big", "source")


def aggregate(peer: Peer, scale: Scale, turn: int) -> Any:
    """Count and mean by label."""
    return peer.query("big", "SELECT label, count(*), avg(score) FROM {t} GROUP BY label")


def filter_name(peer: Peer, scale: Scale, turn: int) -> Any:
    """The one row with a name."""
    return peer.query("big", f"SELECT id, score FROM {{t}} WHERE name = '{name_of(scale.key(turn))}'")


def column(peer: Peer, scale: Scale, turn: int) -> Any:
    """All scores."""
    return peer.arrow("big", "SELECT score FROM {t}")
