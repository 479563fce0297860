"""Records of 16 KiB beside a few scalar columns: written, looked up, picked at random, read through."""

from __future__ import annotations

import hashlib
import random
from typing import Any

from peers.peer import Peer, Unsupported
from scale import Scale
from step import Step

BYTES = 16 << 10
PICKED = 32


def count(scale: Scale) -> int:
    """How many records."""
    return max(64, scale.rows // 125)


def steps(scale: Scale) -> list[Step]:
    """Each append goes to a new table; the reads take turns."""
    times = scale.times(20)
    return [
        Step("source", source),
        Step("append", append, before=empty, times=scale.times(5)),
        Step("aggregate", aggregate, times=times),
        Step("key", key, times=times),
        Step("random", pick, before=addresses, times=times),
        Step("all", read_all, before=addresses, times=scale.times(5)),
        Step("blob append", blob_append, before=empty, times=scale.times(5)),
        Step("blob key", blob_key, times=times),
        Step("blob random", blob_pick, times=scale.times(5)),
    ]


def source(peer: Peer, scale: Scale, turn: int) -> None:
    """Rows in memory, the same for all peers; the records do not compress, as images do not."""
    import pyarrow as pa

    rows = count(scale)
    made = random.Random(1)
    table = pa.table(
        {
            "id": range(rows),
            "label": [f"label_{i * 7919 % 20}" for i in range(rows)],
            "score": [(i * 48271 % 65536) / 64 for i in range(rows)],
            "image": [made.randbytes(BYTES) for _ in range(rows)],
        }
    )
    peer.con.register("made", table)
    peer.stage("records", "FROM made")
    peer.con.unregister("made")


def empty(peer: Peer, scale: Scale, turn: int) -> None:
    """A new table; commits are synced."""
    peer.sync(True)
    peer.create_records("r")


def append(peer: Peer, scale: Scale, turn: int) -> None:
    """All rows as one commit."""
    peer.append_records("r", "records")


def aggregate(peer: Peer, scale: Scale, turn: int) -> Any:
    """Scalar columns only."""
    if not peer.keeps_records:
        raise Unsupported("keeps no records here")
    return peer.query("r", "SELECT label, avg(score), count(*) FROM {t} GROUP BY label ORDER BY label")


def key(peer: Peer, scale: Scale, turn: int) -> Any:
    """The record of a key."""
    return [(hashlib.sha256(peer.record("r", turn * 611_953 % count(scale))).hexdigest(),)]


def addresses(peer: Peer, scale: Scale, turn: int) -> None:
    """What a training loop knows when it begins."""
    peer.load_addresses("r")


def pick(peer: Peer, scale: Scale, turn: int) -> Any:
    """Records at random, through Python."""
    chosen = random.Random(turn).sample(range(count(scale)), PICKED)
    return [(record[:8],) for record in peer.records("r", chosen)]


def read_all(peer: Peer, scale: Scale, turn: int) -> Any:
    """All records in order, through Python, 1,024 at a time."""
    rows = count(scale)
    return [(len(r),) for at in range(0, rows, 1024) for r in peer.records("r", range(at, min(at + 1024, rows)))]


def blob_append(peer: Peer, scale: Scale, turn: int) -> None:
    """All rows into one Parquet file."""
    peer.append_blobs("b", "records")


def blob_key(peer: Peer, scale: Scale, turn: int) -> Any:
    """A BLOB of that file by key."""
    return [(len(b),) for b in peer.blobs("b", [turn * 611_953 % count(scale)])]


def blob_pick(peer: Peer, scale: Scale, turn: int) -> Any:
    """BLOBs of that file at random."""
    return [(len(b),) for b in peer.blobs("b", random.Random(turn).sample(range(count(scale)), PICKED))]
