"""Two branches of a large table, with few rows changed on each side, and of one that is ten times smaller."""

from __future__ import annotations

from typing import Any

from peers.peer import Peer
from rows import rows_sql
from scale import Scale
from step import Step

CHANGES = 100


def rounds(scale: Scale) -> int:
    """Each round on new branches."""
    return scale.times(4)


def steps(scale: Scale) -> list[Step]:
    """One round."""
    return [
        Step("load", load, once=True),
        Step("small load", load_small, once=True),
        Step("diverge", diverge("t")),
        Step("conflicts", conflicts("t")),
        Step("merge", merge("t")),
        Step("small diverge", diverge("tenth")),
        Step("small conflicts", conflicts("tenth")),
        Step("small merge", merge("tenth")),
    ]


def load(peer: Peer, scale: Scale, turn: int) -> None:
    """The large table."""
    _load(peer, "t", scale.rows)


def load_small(peer: Peer, scale: Scale, turn: int) -> None:
    """The other."""
    _load(peer, "tenth", scale.rows // 10)


def _load(peer: Peer, table: str, rows: int) -> None:
    peer.branch(table, None)
    peer.stage("source", rows_sql(0, rows))
    peer.create(table)
    peer.append(table, "source")


def diverge(table: str) -> Any:
    """Scattered rows on both sides, half of them the same ones in other cells."""

    def run(peer: Peer, scale: Scale, turn: int) -> None:
        rows = scale.rows if table == "t" else scale.rows // 10
        step = rows // CHANGES
        peer.branch(table, f"b{turn}")
        peer.stage("theirs", f"SELECT id, {turn + 1} + score AS score FROM ({rows_sql(turn, CHANGES, step=step)})")
        peer.upsert_on(table, f"b{turn}", "theirs")
        first = turn + CHANGES // 2 * step
        peer.stage("ours", f"SELECT id, name || {turn + 1} AS name FROM ({rows_sql(first, CHANGES // 2, step=step)})")
        peer.stage(
            "more", f"SELECT id, name || {turn + 1} AS name FROM ({rows_sql(turn + 7, CHANGES // 2, step=step)})"
        )
        peer.upsert_on(table, "main", "ours")
        peer.upsert_on(table, "main", "more")

    return run


def conflicts(table: str) -> Any:
    """There are none."""
    return lambda peer, scale, turn: peer.conflicts(table, f"b{turn}")


def merge(table: str) -> Any:
    """All of them are taken over."""
    return lambda peer, scale, turn: peer.merge(table, f"b{turn}")
