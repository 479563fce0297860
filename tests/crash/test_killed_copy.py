"""A process is killed at every step of an INSERT that copies, and in the middle of the copying."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

import space_sql
from space_sql.dataset import engine
from space_sql.dataset.dataset import open_dataset
from tests.concurrency.sql import call
from tests.crash import steps
from tests.crash.child import Pipe, process, received
from tests.crash.conftest import Bases
from tests.crash.contents import contents

pytestmark = pytest.mark.crash
LONG = bool(os.environ.get("SPACE_SQL_LONG"))
ROWS = 300_000
EVERY = 50
"""Batches of rows that are one step."""


def insert_once(pipe: Pipe, path: Path, at_step: steps.KillAt) -> None:
    """Insert; says the result and how many steps it took."""
    con = space_sql.connect()
    with engine.cursor() as warm:
        warm.execute("SELECT 1")
    batches = 0

    def stepping(values: pa.ChunkedArray) -> pa.ChunkedArray:
        nonlocal batches
        batches += 1
        if not batches % EVERY:
            at_step("copying")
        return values

    con.create_function("stepping", stepping, ["BIGINT"], "BIGINT", type="arrow", side_effects=True)  # type: ignore[call-overload]
    steps.install(at_step)
    result: Any = con.execute(
        f"INSERT INTO '{path}' SELECT stepping(range) AS id FROM range(1000, {1000 + ROWS})"
    ).fetchall()
    pipe.send((result, at_step.count))


def test_a_killed_insert_leaves_all_or_nothing_and_files_that_vacuum_takes(
    bases: Bases, scratch: Path, reader: duckdb.DuckDBPyConnection
) -> None:
    before, number = contents(reader, bases("")), 1
    outcomes = set()
    while True:
        path = scratch / str(number)
        shutil.copytree(bases(""), path)
        with process(insert_once, path, steps.KillAt(number)) as (child, pipe):
            said = received(pipe)
            child.join()
        after = contents(reader, path)
        count = reader.execute(f"SELECT count(*) FROM space_scan('{path}')").fetchall()[0][0]
        assert count in (6, 6 + ROWS), f"killed at step {number}"
        assert (after == before) == (count == 6)
        view = open_dataset(str(path)).view()
        live = {f.path for f in view.state(view.head("main")).files.values()}
        there = {f"data/{name}" for name in os.listdir(path / "data")}
        left = there - live - {f"data/{name}" for name in os.listdir(bases("") / "data")}
        outcomes.add((count == 6, bool(left)))
        assert live <= there
        if child.exitcode == 0:
            assert said[0][0][0][1:] == ("insert", ROWS, 0, 0)
            break
        assert (child.exitcode, said) == (-signal.SIGKILL, [])
        if count == 6:
            old = time.time() - 86400 * 90
            for name in left:
                os.utime(path / name, (old, old))
            reader.execute(f"CALL space_vacuum('{path}')").fetchall()
            assert call(reader, "space_append", path, "SELECT 5000000 AS id")
            kept = {f"data/{name}" for name in os.listdir(path / "data")}
            assert not left & kept, "what the killed one left is gone"
        shutil.rmtree(path)
        number += 1 if LONG else 4
    assert (True, True) in outcomes, "it was killed when there were files that nobody needs"
    assert (False, False) in outcomes
