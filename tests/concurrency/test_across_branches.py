"""Writers on different branches never meet; commit numbers are all that they share."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.concurrency.conftest import Connection, Racing
from tests.concurrency.operations import OPERATIONS, base_content, target
from tests.concurrency.sql import call, call_sql, kind, rows

ON_A_BRANCH = [name for name in OPERATIONS if name not in ("tag", "branch", "drop tag", "drop branch")]


@pytest.mark.parametrize("first", ON_A_BRANCH)
@pytest.mark.parametrize("second", ON_A_BRANCH)
def test_writers_on_two_branches_both_stand_even_on_the_same_row(
    second: str, first: str, racing: Racing, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    call(b, "space_branch", ds, "dev")
    saw, by_a, by_b = base_content(), target("A", same=True), target("B", same=True)
    racing(lambda: OPERATIONS[first].run(b, ds, by_b, branch="dev"))
    OPERATIONS[second].run(a, ds, by_a)
    assert rows(reader, ds) == OPERATIONS[second].apply(saw, saw, by_a).shown()
    assert rows(reader, ds, version="dev") == OPERATIONS[first].apply(saw, saw, by_b).shown()
    newest = reader.execute(
        f"SELECT branch, snapshot_id - parent_id FROM {call_sql('space_snapshots', ds)} LIMIT 2"
    ).fetchall()
    assert [branch for branch, _ in newest] == ["main", "dev"]


def test_a_branch_starts_where_the_writer_saw_its_source_branch(
    racing: Racing, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    racing(lambda: call(b, "space_append", ds, "SELECT 50 AS id"))
    call(a, "space_branch", ds, "dev")
    assert rows(reader, ds, version="dev") == base_content().shown()


def test_a_session_branch_that_another_dropped_is_not_found(a: Connection, b: Connection, ds: Path) -> None:
    a.execute("SET VARIABLE space_branch = 'y'")
    try:
        rows(a, ds)
        call(b, "space_drop_branch", ds, "y")
        with pytest.raises(duckdb.Error) as reading:
            rows(a, ds)
        with pytest.raises(duckdb.Error) as writing:
            call(a, "space_append", ds, "SELECT 50 AS id")
    finally:
        a.execute("RESET VARIABLE space_branch")
    assert (kind(reading.value), kind(writing.value)) == ("not-found", "not-found")


def test_a_branch_that_was_dropped_and_made_anew_at_another_version_is_another_branch(
    racing: Racing, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    call(b, "space_append", ds, "SELECT 70 AS id", branch="y")

    def anew() -> None:
        call(b, "space_drop_branch", ds, "y")
        call(b, "space_branch", ds, "y", version="main")

    racing(anew)
    with pytest.raises(duckdb.Error) as error:
        call(a, "space_update", ds, "label = 'gone'", "id = 70", branch="y")
    assert kind(error.value) == "conflict"
    assert rows(reader, ds, version="y") == base_content().shown()
