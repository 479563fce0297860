"""expected_snapshot and commit_key under races."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.concurrency.conftest import Connection, Racing, as_another_process
from tests.concurrency.operations import OPERATIONS, base_content, target
from tests.concurrency.sql import call, call_sql, kind, rows


def head(con: Connection, ds: Path) -> int:
    ((found,),) = con.execute(f"SELECT snapshot_id FROM {call_sql('space_info', ds)}").fetchall()
    return int(found)


@pytest.mark.parametrize("second", list(OPERATIONS))
def test_a_write_that_expects_a_snapshot_conflicts_with_any_commit_on_its_branch(
    second: str, racing: Racing, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    saw, by_b = base_content(), target("B", same=False)
    expected = head(reader, ds)
    racing(lambda: OPERATIONS["append"].run(b, ds, by_b))
    with pytest.raises(duckdb.Error) as error:
        OPERATIONS[second].run(a, ds, target("A", same=False), expected_snapshot=expected)
    assert kind(error.value) == "conflict"
    assert rows(reader, ds) == OPERATIONS["append"].apply(saw, saw, by_b).shown()


@pytest.mark.parametrize("second", list(OPERATIONS))
def test_a_write_that_expects_a_snapshot_does_not_mind_new_refs_and_other_branches(
    second: str, racing: Racing, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    def elsewhere() -> None:
        call(b, "space_tag", ds, "unrelated")
        call(b, "space_append", ds, "SELECT 70 AS id", branch="y_b")

    expected = head(reader, ds)
    racing(elsewhere)
    OPERATIONS[second].run(a, ds, target("A", same=False), expected_snapshot=expected)
    saw = base_content()
    assert rows(reader, ds) == OPERATIONS[second].apply(saw, saw, target("A", same=False)).shown()


@pytest.mark.parametrize("operation", list(OPERATIONS))
def test_of_two_writes_with_one_commit_key_one_is_made_and_both_get_its_result(
    operation: str, racing: Racing, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    results = []
    on = target("J", same=True)
    racing(lambda: results.append(OPERATIONS[operation].run(b, ds, on, commit_key="job 1")))
    results.append(OPERATIONS[operation].run(a, ds, on, commit_key="job 1"))
    assert results[0] == results[1]
    saw = base_content()
    assert rows(reader, ds) == OPERATIONS[operation].apply(saw, saw, on).shown()
    newest = reader.execute(f"SELECT max(snapshot_id) FROM {call_sql('space_snapshots', ds)}").fetchall()
    assert newest == [(results[0][0],)]


def test_a_commit_key_used_after_a_transaction_began_is_found(
    a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    first: list[object] = []
    a.execute("BEGIN")
    try:
        rows(a, ds)
        as_another_process(lambda: first.append(call(b, "space_append", ds, "SELECT 50 AS id", commit_key="job 2")))
        assert call(a, "space_append", ds, "SELECT 50 AS id", commit_key="job 2") == first[0]
    finally:
        a.execute("ROLLBACK")
    assert sorted(row[0] for row in rows(reader, ds)) == [1, 2, 3, 50]


def test_two_writers_that_create_one_dataset_make_one(
    racing: Racing, a: Connection, b: Connection, reader: Connection, tmp_path: Path
) -> None:
    path = tmp_path / "new"
    racing(lambda: call(b, "space_create", path, source="SELECT 1 AS id, 'B' AS label", primary_keys=["id"]))
    with pytest.raises(duckdb.Error) as error:
        call(a, "space_create", path, source="SELECT 2 AS id, 'A' AS label", primary_keys=["id"])
    assert kind(error.value) == "already-exists"
    assert rows(reader, path) == [(1, "B")]


def test_two_writers_that_create_one_dataset_with_one_commit_key_get_one_result(
    racing: Racing, a: Connection, b: Connection, reader: Connection, tmp_path: Path
) -> None:
    path = tmp_path / "new"
    source, keys = "SELECT 1 AS id", ["id"]
    racing(lambda: call(b, "space_create", path, source=source, primary_keys=keys, commit_key="make"))
    assert call(a, "space_create", path, source=source, primary_keys=keys, commit_key="make") == (0, "create", 1, 0, 0)
    assert rows(reader, path) == [(1,)]
