"""Writers, compactors, expiry, vacuum and readers on one dataset at once, for a while."""

from __future__ import annotations

import os
import random
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb
import pytest

import space_sql
from tests.concurrency.sql import call, call_sql, kind, rows
from tests.crash.child import process, received

pytestmark = pytest.mark.stress
SECONDS = 600 if os.environ.get("SPACE_SQL_LONG") else 8
GRACE = 60 if SECONDS > 60 else 10  # longer than any statement takes: each may be tried again many times
WRITERS, COMPACTORS, READERS = 6, 2, 2
PAIRS = 30


def connection(*, sync: bool = False) -> duckdb.DuckDBPyConnection:
    con = space_sql.connect()
    con.execute(f"SET VARIABLE space_sync = {str(sync).lower()}; SET threads = 1")
    return con


def write(pipe: Any, path: Path, number: int, until: float) -> None:
    """Owns some pairs of rows: both of a pair always have the same value, or are both gone."""
    con, chance = connection(), random.Random(number)
    mine: dict[int, int] = {}
    first = number * 1000
    pipe.send("ready")
    writes = 0
    while time.time() < until:
        pair, value = first + 2 * chance.randrange(PAIRS), chance.randrange(1_000_000)
        what = chance.choice(["upsert", "upsert", "update", "delete"])
        try:
            if what == "upsert":
                call(con, "space_upsert", path, f"FROM (VALUES ({pair}, {value}), ({pair + 1}, {value})) t(id, v)")
                mine[pair] = value
            elif what == "update":
                call(con, "space_update", path, "v = v + 1", f"id BETWEEN {first} AND {first + 999}")
                mine = {p: v + 1 for p, v in mine.items()}
            else:
                call(con, "space_delete", path, f"id IN ({pair}, {pair + 1})")
                mine.pop(pair, None)
        except duckdb.Error as error:
            if kind(error) != "conflict":
                raise
        writes += 1
    pipe.send((writes, sorted((p + i, v) for p, v in mine.items() for i in (0, 1))))


def compact(pipe: Any, path: Path, number: int, until: float) -> None:
    con = connection()
    pipe.send("ready")
    done = 0
    while time.time() < until:
        ((_, _, removed, *_),) = con.execute(f"CALL {call_sql('space_compact', path)}").fetchall()
        done += removed > 0
        time.sleep(0.05 * number)
    pipe.send(done)


def forget(pipe: Any, path: Path, until: float) -> None:
    """Keeps twenty snapshots and gives readers some seconds."""
    con = connection()
    pipe.send("ready")
    removed = 0
    while time.time() < until:
        con.execute(f"CALL {call_sql('space_expire', path, keep_last=20)}").fetchall()
        gone = con.execute(f"FROM space_vacuum('{path}', older_than => INTERVAL '{GRACE} seconds')").fetchall()
        removed += len(gone)
        time.sleep(0.3)
    pipe.send(removed)


def read(pipe: Any, path: Path, until: float) -> None:
    """Sees both rows of every pair, or none, and the tag as it was."""
    con = connection()
    pipe.send("ready")
    reads = 0
    while time.time() < until:
        torn = con.execute(
            f"SELECT (id + 2) // 2, list(v) FROM {call_sql('space_scan', path)} GROUP BY ALL "
            "HAVING count(*) <> 2 OR min(v) <> max(v)"
        ).fetchall()
        assert not torn, torn
        assert con.execute(f"FROM {call_sql('space_scan', path, version='start')}").fetchall() == [(-2, 7), (-1, 7)]
        reads += 1
    pipe.send(reads)


def last(pipe: Any) -> Any:
    """What a process sends when it is done; one that failed sends nothing more than that it was ready."""
    told = received(pipe)
    assert len(told) == 2, "a process failed; its traceback is above"
    return told[1]


def test_upkeep_beside_writers_and_readers_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ds"
    con = connection()
    call(con, "space_create", path, source="FROM (VALUES (-2, 7), (-1, 7)) t(id, v)", primary_keys=["id"])
    call(con, "space_tag", path, "start")
    until = time.time() + SECONDS
    with ExitStack() as stack:
        writers = [stack.enter_context(process(write, path, n, until))[1] for n in range(WRITERS)]
        compactors = [stack.enter_context(process(compact, path, n, until))[1] for n in range(COMPACTORS)]
        (_, forgetting) = stack.enter_context(process(forget, path, until))
        readers = [stack.enter_context(process(read, path, until))[1] for _ in range(READERS)]
        told = [last(pipe) for pipe in writers]
        compacted = [last(pipe) for pipe in compactors]
        removed = last(forgetting)
        reads = [last(pipe) for pipe in readers]
    expected = [(-2, 7), (-1, 7), *(row for _, mine in told for row in mine)]
    fresh = connection()
    assert rows(fresh, path) == sorted(expected, key=repr)
    assert all(writes for writes, _ in told)
    assert all(compacted)
    assert all(reads)
    assert fresh.execute(f"FROM {call_sql('space_verify', path, deep=True)}").fetchall() == []
    if SECONDS > 2 * GRACE:
        assert removed > 100
