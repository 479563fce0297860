"""Forgetting after branches have met and records have moved: the person's rows are in more than one place."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.concurrency.sql import call, call_sql
from tests.crash import markers

pytestmark = pytest.mark.crash
PREDICATE = "contains(name, 'MARK') OR contains(image::VARCHAR, 'MARK')"


def plant(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Eight small record files, each with somebody's record; edits on two branches; then both merged and compacted."""
    con.execute("SET VARIABLE space_sync = false")
    columns = "id BIGINT, name VARCHAR, image BLOB"
    call(con, "space_create", path, columns=columns, primary_keys=["id"], record_fields=["image"])
    image = "(CASE WHEN range % 10 = 3 THEN 'MARKrecord' ELSE 'record' END || range)::BLOB AS image"
    for number in range(8):
        first = number * 10
        call(con, "space_append", path, f"SELECT range AS id, 'n' AS name, {image} FROM range({first}, {first + 10})")
    call(con, "space_tag", path, "v1")
    call(con, "space_branch", path, "dev")
    call(con, "space_upsert", path, "SELECT 3 AS id, 'MARKdev' AS name", branch="dev")
    call(con, "space_upsert", path, "SELECT 100 AS id, 'MARKnew' AS name, 'MARKfar'::BLOB AS image", branch="dev")
    call(con, "space_upsert", path, "SELECT 4 AS id, 'MARKmain' AS name")
    call(con, "space_merge", path, "dev")


@pytest.mark.parametrize("compacted", [False, True])
@pytest.mark.parametrize("vacuumed", [False, True])
def test_forgotten_after_a_merge_and_a_compaction_of_records(
    scratch: Path, reader: duckdb.DuckDBPyConnection, compacted: bool, vacuumed: bool
) -> None:
    path = scratch / "ds"
    plant(reader, path)
    if compacted:
        before = sorted((path / "records").rglob("*.array_record"))
        reader.execute(f"CALL {call_sql('space_compact', path)}").fetchall()
        assert sorted((path / "records").rglob("*.array_record")) != before, "records have moved"
    if vacuumed:
        reader.execute(f"CALL {call_sql('space_vacuum', path)}").fetchall()
    marks = ["MARKrecord", "MARKdev", "MARKnew", "MARKfar", "MARKmain"]
    assert {mark for mark, _ in markers.found(path, marks)} == set(marks)
    reader.execute(f"CALL {call_sql('space_forget', path, PREDICATE)}").fetchall()
    assert markers.found(path, ["MARK"]) == set()
    kept = [number for number in range(80) if number % 10 != 3]
    for version, ids in (("v1", kept), ("main", [n for n in kept if n != 4]), ("dev", kept)):
        seen = f"SELECT id, image::VARCHAR FROM {call_sql('space_scan', path, version=version)} ORDER BY id"
        assert reader.execute(seen).fetchall() == [(n, f"record{n}") for n in ids], version
    findings = reader.execute(f"FROM {call_sql('space_verify', path, deep=True)}").fetchall()
    assert findings == []
    call(reader, "space_upsert", path, "SELECT 5 AS id, 'back' AS name", branch="dev")
    call(reader, "space_merge", path, "dev")
    back = f"SELECT name FROM {call_sql('space_scan', path)} WHERE id = 5"
    assert reader.execute(back).fetchall() == [("back",)]
