"""Writes that end half-way without the process dying: interrupted, or with a source that fails."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import duckdb
import pytest

from tests.concurrency.sql import call, call_sql, rows
from tests.crash.contents import contents

pytestmark = pytest.mark.crash

SLOW = "SELECT range AS id, 'x' AS label FROM range(3000000) WHERE slowly(range)"
FAILING = "SELECT range AS id, CASE WHEN range > 299998 THEN error('half-way') ELSE 'x' END AS label FROM range(300000)"
WRITES = {
    "space_append": ("FROM ({}) SELECT id + 1000 AS id, label",),
    "space_insert": ("FROM ({}) SELECT id + 1000 AS id, label",),
    "space_upsert": ("{}",),
    "space_overwrite": ("{}",),
    "space_update": ("label = 'new'", "(id, 'x') IN (SELECT id, label FROM ({}))"),
    "space_delete": ("(id, 'x') IN (SELECT id, label FROM ({}))",),
}


def files(path: Path) -> set[Path]:
    return {file for file in path.rglob("*") if file.is_file()}


@pytest.mark.parametrize("function", list(WRITES))
def test_a_source_that_fails_half_way_leaves_nothing(
    function: str, ds: Path, reader: duckdb.DuckDBPyConnection
) -> None:
    before, there = contents(reader, ds), files(ds)
    with pytest.raises(duckdb.Error, match="half-way") as error:
        call(reader, function, ds, *(text.format(FAILING) for text in WRITES[function]))
    assert "\n" not in str(error.value).strip()
    assert contents(reader, ds) == before
    assert files(ds) == there, "what was staged is gone by the connection's next statement"
    assert call(reader, "space_append", ds, "SELECT 50 AS id")[2] == 1


@pytest.mark.parametrize("function", list(WRITES))
def test_an_interrupted_write_leaves_nothing(function: str, ds: Path, reader: duckdb.DuckDBPyConnection) -> None:
    started = threading.Event()

    def slowly(_: int) -> bool:
        started.set()
        time.sleep(0.0001)
        return True

    def interrupt() -> None:
        started.wait(20)
        time.sleep(0.05)
        reader.interrupt()

    reader.create_function("slowly", slowly, ["BIGINT"], "BOOLEAN", side_effects=True)
    before, there = contents(reader, ds), files(ds)
    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    with pytest.raises((duckdb.InterruptException, KeyboardInterrupt)):
        call(reader, function, ds, *(text.format(SLOW) for text in WRITES[function]))
    interrupting.join()
    assert contents(reader, ds) == before
    assert files(ds) == there
    assert call(reader, "space_append", ds, "SELECT 50 AS id")[2] == 1


def test_a_create_whose_source_fails_half_way_leaves_no_folder(
    scratch: Path, reader: duckdb.DuckDBPyConnection
) -> None:
    path = scratch / "new"
    with pytest.raises(duckdb.Error, match="half-way"):
        call(reader, "space_create", path, source=FAILING, primary_keys=["id"])
    reader.execute(f"FROM {call_sql('space_datasets', scratch)}").fetchall()
    assert not path.exists()
    call(reader, "space_create", path, source="SELECT 1 AS id", primary_keys=["id"])
    assert rows(reader, path) == [(1,)]


def test_a_failed_write_in_a_transaction_leaves_the_writes_before_it(
    ds: Path, reader: duckdb.DuckDBPyConnection
) -> None:
    reader.execute("BEGIN")
    call(reader, "space_append", ds, "SELECT 50 AS id")
    with pytest.raises(duckdb.Error, match="half-way"):
        call(reader, "space_append", ds, FAILING)
    reader.execute("ROLLBACK")
    assert [row[0] for row in rows(reader, ds)] == [0, 1, 2, 3, 4, 5, 50]
