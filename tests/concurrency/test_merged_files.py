"""Writer B's commit merges small files into one while A's write, which knows rows by their place, is under way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.concurrency.conftest import Connection, Racing, as_another_process
from tests.concurrency.operations import OPERATIONS, base_content, target
from tests.concurrency.sql import call, call_sql, kind, rows
from tests.concurrency.test_conflict_table import check, expected_error

ROW_WRITES = ["append", "insert", "upsert", "update", "delete", "overwrite", "restore"]
MERGING = ["append", "insert", "upsert", "update", "delete"]


def files(con: Connection, ds: Path) -> set[str]:
    return {name for (name,) in con.execute(f"SELECT file FROM {call_sql('space_files', ds)}").fetchall()}


def append(con: Connection, ds: Path, key: int) -> Callable[[], object]:
    return lambda: call(con, "space_append", ds, f"SELECT {key} AS id")


@pytest.fixture
def merging(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two small files are enough to be merged."""
    monkeypatch.setattr("space_sql.dataset.fold.FAN", 2)


@pytest.mark.usefixtures("merging")
@pytest.mark.parametrize("case", ["same", "apart"])
@pytest.mark.parametrize("first", MERGING)
@pytest.mark.parametrize("second", ROW_WRITES)
def test_merged_files_change_no_outcome(
    second: str, first: str, case: str, racing: Racing, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    same = case == "same"
    saw, by_a, by_b = base_content(), target("A", same=same), target("B", same=same)
    expected = OPERATIONS[first].apply(saw, saw, by_b)
    met = None
    racing(lambda: OPERATIONS[first].run(b, ds, by_b))
    try:
        OPERATIONS[second].run(a, ds, by_a)
    except duckdb.Error as raised:
        met = kind(raised)
    assert met == expected_error(second, first, same=same)
    if met is None:
        expected = OPERATIONS[second].apply(expected, saw, by_a)
    check(reader, ds, expected)


@pytest.mark.usefixtures("merging")
@pytest.mark.parametrize("second", ["update", "delete"])
def test_rows_are_found_after_their_files_were_merged_again_and_again(
    second: str, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    saw, on = base_content(), target("A", same=True)
    a.execute("BEGIN")
    try:
        before = files(a, ds)
        for number in range(5):
            as_another_process(append(b, ds, 100 + number))
        assert not before & files(reader, ds), "the files that A saw are merged"
        assert files(a, ds) == before
        OPERATIONS[second].run(a, ds, on)
    finally:
        a.execute("COMMIT")
    expected = OPERATIONS[second].apply(saw, saw, on)
    expected.rows += [{"id": 100 + number} for number in range(5)]
    check(reader, ds, expected)


@pytest.mark.usefixtures("merging")
def test_a_row_that_was_changed_after_its_file_was_merged_is_a_conflict(
    a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    a.execute("BEGIN")
    try:
        rows(a, ds)
        for number in range(3):
            as_another_process(append(b, ds, 100 + number))
        as_another_process(lambda: call(b, "space_update", ds, "label = 'theirs'", "id = 2"))
        with pytest.raises(duckdb.Error) as error:
            call(a, "space_update", ds, "label = 'ours'", "id IN (1, 2)")
    finally:
        a.execute("ROLLBACK")
    assert kind(error.value) == "conflict"
    assert {row[0]: row[1] for row in rows(reader, ds)}[2] == "theirs"


@pytest.mark.usefixtures("merging")
def test_versions_before_a_merge_are_read_and_compared_as_ever(a: Connection, reader: Connection, ds: Path) -> None:
    versions = {"main~0": rows(a, ds), "v0": rows(a, ds, version="v0")}
    ((start,),) = reader.execute(f"SELECT snapshot_id FROM {call_sql('space_info', ds)}").fetchall()
    for number in range(4):
        call(a, "space_append", ds, f"SELECT {100 + number} AS id")
        call(a, "space_delete", ds, f"id = {100 + number}")
    assert rows(reader, ds, version=str(start)) == versions["main~0"] == rows(reader, ds)
    assert rows(reader, ds, version="v0") == versions["v0"]
    assert reader.execute(f"FROM {call_sql('space_diff', ds, str(start), 'main')}").fetchall() == []
    feed = reader.execute(
        f"SELECT change_type, id FROM {call_sql('space_changes', ds, str(start), 'main')} ORDER BY snapshot_id"
    ).fetchall()
    assert feed == [(change, 100 + number) for number in range(4) for change in ("insert", "delete")]
