"""A process dies, or fails, while functions of a view compute: what they computed is there for the next one."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import duckdb
import pytest

from tests.concurrency.sql import call, call_sql, rows
from tests.crash.child import process, received
from tests.crash.functions import ROWS, STOPS, calls, materialize, prepared, stopped

pytestmark = pytest.mark.crash
LONG = bool(os.environ.get("SPACE_SQL_LONG"))
CASES = [(function, stop) for function in ("space_materialize", "space_refresh") for stop in STOPS]
SHORT = [("space_materialize", "raises"), ("space_materialize", "disk"), ("space_refresh", "killed")]
TOLD = {"raises": "the function costly failed: ValueError: out of memory", "disk": "no space left on the disk"}
LOST = 64
"""Calls whose results may be lost with a process: two slices."""


def create(con: duckdb.DuckDBPyConnection, folder: Path, function: str) -> int:
    """``raw`` with rows whose results nobody knows; returns how many there are."""
    first = "SELECT range AS id, range + 10_000 AS n FROM range(10)"
    call(con, "space_create", folder / "raw", source=first, primary_keys=["id"])
    if function == "space_refresh":
        materialize(prepared(folder), folder)
        (folder / "calls").unlink()
    new = f"SELECT range AS id, range + 20_000 AS n FROM range({10 if function == 'space_refresh' else 0}, {ROWS})"
    call(con, "space_upsert", folder / "raw", new)
    return ROWS - 10 if function == "space_refresh" else ROWS


@pytest.mark.parametrize(("function", "stop"), CASES if LONG else SHORT)
def test_what_was_computed_before_it_stopped_is_not_computed_again(
    function: str, stop: str, scratch: Path, reader: duckdb.DuckDBPyConnection
) -> None:
    distinct = create(reader, scratch, function)
    for part in (1, 2, 3) if LONG else (1,):
        before = len(calls(scratch))
        with process(stopped, scratch, function, stop, 100) as (child, pipe):
            said = received(pipe)
            child.join()
        if stop == "killed":
            assert (child.exitcode, said) == (-signal.SIGKILL, [])
        elif stop == "interrupted":  # DuckDB looks at it where a vector ends
            assert said != ["done"]
            break
        else:
            told = {
                "raises": "the function costly failed: ValueError: out of memory",
                "disk": "no space left on the disk",
            }
            assert told[stop] in said[0]
        assert len(calls(scratch)) - before >= 99
        assert len(set(calls(scratch))) >= 99 + (part - 1) * (99 - LOST), "each goes on where the last one stopped"
    so_far = len(set(calls(scratch)))
    con = prepared(scratch)
    if function == "space_materialize":
        materialize(con, scratch)
    else:
        call(con, function, scratch / "view")
    made = calls(scratch)
    assert set(made) == {
        n
        for (n,) in reader.execute(
            f"SELECT n FROM {call_sql('space_scan', scratch / 'raw')} WHERE n >= 20_000"
        ).fetchall()
    }
    assert len(set(made)) == distinct
    assert so_far >= 99
    assert len(made) - distinct <= LOST * (3 if LONG else 1)
    wanted = reader.execute(f"SELECT id, n * 2 FROM {call_sql('space_scan', scratch / 'raw')}").fetchall()
    assert rows(reader, scratch / "view") == sorted(wanted, key=repr)
    con.close()
