"""What a statement and a transaction see while others commit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

import space_sql
from tests.concurrency.conftest import Connection, as_another_process
from tests.concurrency.operations import base_content
from tests.concurrency.sql import call, call_sql, kind, literal, rows

Arriving = Callable[[Callable[[], object]], str]


@pytest.fixture
def transaction(a: Connection) -> object:
    """A has a transaction open that ends with the test."""
    a.execute("BEGIN")
    yield None
    a.execute("ROLLBACK")


def ids(con: Connection, ds: Path, **named: object) -> list[int]:
    return sorted(row[0] for row in rows(con, ds, **named))


def test_a_statement_that_mentions_a_dataset_twice_reads_one_state(
    arriving: Arriving, a: Connection, b: Connection, ds: Path
) -> None:
    condition = arriving(lambda: call(b, "space_delete", ds, "true"))
    scan = call_sql("space_scan", ds)
    found = a.execute(
        f"WITH slow AS MATERIALIZED (FROM {scan} WHERE {condition}) "
        "SELECT (SELECT count(*) FROM slow), "
        f"(SELECT count(*) FROM {scan}), (SELECT row_count FROM {call_sql('space_info', ds)})"
    ).fetchall()
    assert found == [(3, 3, 3)]


def test_a_statement_reads_files_that_were_deleted_from_meanwhile(
    arriving: Arriving, a: Connection, b: Connection, ds: Path
) -> None:
    condition = arriving(lambda: call(b, "space_overwrite", ds, "SELECT 9 AS id"))
    assert a.execute(f"SELECT count(*) FROM {call_sql('space_scan', ds)} WHERE {condition}").fetchall() == [(3,)]
    assert ids(a, ds) == [9]


@pytest.mark.usefixtures("transaction")
def test_a_transaction_keeps_reading_the_state_that_it_saw_first(a: Connection, b: Connection, ds: Path) -> None:
    before = rows(a, ds)
    as_another_process(lambda: call(b, "space_append", ds, "SELECT 50 AS id"))
    as_another_process(lambda: call(b, "space_update", ds, "label = 'changed'", "id = 1"))
    as_another_process(lambda: call(b, "space_add_column", ds, "more INTEGER"))
    assert rows(a, ds) == before == base_content().shown()
    assert a.execute(f"SELECT row_count, column_count FROM {call_sql('space_info', ds)}").fetchall() == [(3, 4)]


@pytest.mark.usefixtures("transaction")
def test_a_transaction_does_not_see_refs_and_snapshots_made_after_it_began(
    a: Connection, b: Connection, ds: Path
) -> None:
    look = [
        f"FROM {call_sql(function, ds)}" for function in ("space_refs", "space_snapshots", "space_info", "space_files")
    ]
    before = [a.execute(query).fetchall() for query in look]
    as_another_process(lambda: call(b, "space_append", ds, "SELECT 50 AS id"))
    as_another_process(lambda: call(b, "space_tag", ds, "later"))
    as_another_process(lambda: call(b, "space_drop_tag", ds, "v0"))
    assert [a.execute(query).fetchall() for query in look] == before
    assert ids(a, ds, version="v0") == [1, 2, 3, 12]
    with pytest.raises(duckdb.Error) as error:
        rows(a, ds, version="later")
    assert kind(error.value) == "not-found"


def test_the_next_transaction_sees_what_was_committed(a: Connection, b: Connection, ds: Path) -> None:
    a.execute("BEGIN")
    rows(a, ds)
    as_another_process(lambda: call(b, "space_append", ds, "SELECT 50 AS id"))
    assert ids(a, ds) == [1, 2, 3]
    a.execute("COMMIT")
    assert ids(a, ds) == [1, 2, 3, 50]
    a.execute("BEGIN")
    assert ids(a, ds) == [1, 2, 3, 50]
    a.execute("ROLLBACK")


def test_a_transaction_that_was_rolled_back_is_no_longer_seen(a: Connection, b: Connection, ds: Path) -> None:
    a.execute("BEGIN")
    rows(a, ds)
    as_another_process(lambda: call(b, "space_append", ds, "SELECT 50 AS id"))
    a.execute("ROLLBACK")
    assert ids(a, ds) == [1, 2, 3, 50]


@pytest.mark.usefixtures("transaction")
def test_a_transaction_pins_each_dataset_when_it_first_reads_it(
    a: Connection, b: Connection, ds: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    call(b, "space_create", other, source="SELECT 1 AS id", primary_keys=["id"])
    assert ids(a, ds) == [1, 2, 3]
    call(b, "space_append", ds, "SELECT 50 AS id")
    call(b, "space_append", other, "SELECT 2 AS id")
    assert (ids(a, ds), ids(a, other)) == ([1, 2, 3], [1, 2])
    call(b, "space_append", other, "SELECT 3 AS id")
    assert ids(a, other) == [1, 2]


@pytest.mark.usefixtures("transaction")
def test_a_pin_outlives_the_opening_of_many_other_datasets(
    a: Connection, b: Connection, ds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("space_sql.dataset.dataset._KEPT", 2)
    assert ids(a, ds) == [1, 2, 3]
    for name in ("one", "two", "three"):
        call(b, "space_create", tmp_path / name, source="SELECT 1 AS id", primary_keys=["id"])
        rows(a, tmp_path / name)
    call(b, "space_append", ds, "SELECT 50 AS id")
    for name in ("one", "two", "three"):
        rows(a, tmp_path / name)
    assert ids(a, ds) == [1, 2, 3]


@pytest.mark.usefixtures("transaction")
def test_own_writes_are_seen_and_those_of_others_in_between_are_not(a: Connection, b: Connection, ds: Path) -> None:
    assert ids(a, ds) == [1, 2, 3]
    as_another_process(lambda: call(b, "space_append", ds, "SELECT 50 AS id"))
    call(a, "space_append", ds, "SELECT 60 AS id")
    assert ids(a, ds) == [1, 2, 3, 60]
    as_another_process(lambda: call(b, "space_delete", ds, "id = 1"))
    call(a, "space_delete", ds, "id = 3")
    assert ids(a, ds) == [1, 2, 60]
    assert ids(b, ds) == [2, 50, 60]


@pytest.mark.usefixtures("transaction")
@pytest.mark.parametrize(
    ("theirs", "ours", "seen"),
    [
        (("upsert", "SELECT 2 AS id, 'b' AS label"), ("upsert", "SELECT 2 AS id, 'a' AS label"), [1, "a", 3]),
        (("upsert", "SELECT 2 AS id, 'b' AS label"), ("upsert", "SELECT 2 AS id, 'b' AS label"), [1, "b", 3]),
        (("update", "label = 'b'", "id = 2"), ("upsert", "SELECT 2 AS id, 'a' AS label"), [1, "a", 3]),
        (("delete", "id = 2"), ("upsert", "SELECT 2 AS id, 'a' AS label"), [1, "a", 3]),
        (("delete", "id = 2"), ("delete", "id IN (1, 2)"), [3]),
        (("delete", "id = 2"), ("delete", "id = 2"), [1, 3]),
        (("insert", "SELECT 5 AS id, 'b' AS label"), ("upsert", "SELECT 5 AS id, 'a' AS label"), [1, 2, 3, "a"]),
        (("overwrite", "SELECT 2 AS id, 'b' AS label"), ("upsert", "SELECT 2 AS id, 'a' AS label"), [1, "a", 3]),
        (("overwrite", "SELECT 9 AS id"), ("append", "SELECT 7 AS id, 'a' AS label"), [1, 2, 3, "a"]),
        (("restore", "v0"), ("upsert", "SELECT 12 AS id, 'a' AS label"), [1, 2, 3, "a"]),
    ],
)
def test_a_transaction_sees_the_state_it_saw_first_with_its_own_write_on_top(
    theirs: tuple[str, ...], ours: tuple[str, ...], seen: list[object], a: Connection, b: Connection, ds: Path
) -> None:
    old = {1: "one", 2: "zwei", 3: "three"}
    rows(a, ds)
    as_another_process(lambda: call(b, f"space_{theirs[0]}", ds, *theirs[1:]))
    call(a, f"space_{ours[0]}", ds, *ours[1:])
    labels = sorted(str(row[1]) for row in rows(a, ds))
    assert labels == sorted(old[item] if isinstance(item, int) else str(item) for item in seen)
    count = a.execute(f"SELECT row_count FROM {call_sql('space_info', ds)}").fetchall()
    assert count == [(len(seen),)]


@pytest.mark.usefixtures("transaction")
def test_a_second_own_write_works_on_what_the_transaction_sees(a: Connection, b: Connection, ds: Path) -> None:
    rows(a, ds)
    as_another_process(lambda: call(b, "space_append", ds, "SELECT 50 AS id, 'fifty' AS label"))
    call(a, "space_append", ds, "SELECT 60 AS id, 'sixty' AS label")
    assert call(a, "space_update", ds, "label = upper(label)", "true")[2:] == (0, 4, 0)
    assert [row[1] for row in rows(a, ds)] == ["ONE", "ZWEI", "THREE", "SIXTY"]
    assert sorted(row[1] for row in rows(b, ds)) == ["ONE", "SIXTY", "THREE", "ZWEI", "fifty"]


@pytest.mark.usefixtures("transaction")
@pytest.mark.parametrize("third", [("delete", "id = 50"), ("update", "label = 'again'", "id = 50")])
def test_a_second_own_write_hits_the_rows_that_the_transaction_sees_or_none(
    third: tuple[str, ...], a: Connection, b: Connection, ds: Path
) -> None:
    rows(a, ds)
    as_another_process(lambda: call(b, "space_append", ds, "SELECT 50 AS id, 'fifty' AS label"))
    call(a, "space_upsert", ds, "FROM (VALUES (2, 'second'), (50, 'own')) t(id, label)")
    before = {row[0]: row[1] for row in rows(b, ds)}
    assert before == {1: "one", 2: "second", 3: "three", 50: "own"}
    try:
        call(a, f"space_{third[0]}", ds, *third[1:])
    except duckdb.Error as error:
        assert kind(error) == "conflict"  # noqa: PT017 - either outcome keeps the promise
        assert {row[0]: row[1] for row in rows(b, ds)} == before
    else:
        after = {**before, 50: "again"} if third[0] == "update" else {k: v for k, v in before.items() if k != 50}
        assert {row[0]: row[1] for row in rows(b, ds)} == after == {row[0]: row[1] for row in rows(a, ds)}


@pytest.mark.usefixtures("transaction")
def test_a_schema_change_of_its_own_is_seen_without_rows_of_others(a: Connection, b: Connection, ds: Path) -> None:
    rows(a, ds)
    as_another_process(lambda: call(b, "space_append", ds, "SELECT 50 AS id"))
    call(a, "space_add_column", ds, "more INTEGER")
    call(a, "space_update", ds, "more = id::INTEGER", "true")
    assert [(row[0], row[4]) for row in rows(a, ds)] == [(1, 1), (2, 2), (3, 3)]
    assert sorted((row[0], row[4]) for row in rows(b, ds)) == [(1, 1), (2, 2), (3, 3), (50, None)]


@pytest.mark.usefixtures("transaction")
def test_a_column_that_others_added_is_not_seen_after_an_own_write(a: Connection, b: Connection, ds: Path) -> None:
    columns = [row[0] for row in a.execute(f"DESCRIBE FROM {call_sql('space_scan', ds)}").fetchall()]
    as_another_process(lambda: call(b, "space_add_column", ds, "more INTEGER"))
    call(a, "space_append", ds, "SELECT 60 AS id")
    assert [row[0] for row in a.execute(f"DESCRIBE FROM {call_sql('space_scan', ds)}").fetchall()] == columns
    call(a, "space_add_column", ds, "own INTEGER")
    assert [row[0] for row in a.execute(f"DESCRIBE FROM {call_sql('space_scan', ds)}").fetchall()] == [*columns, "own"]


def test_using_another_database_inside_a_transaction_changes_nothing(
    a: Connection, b: Connection, ds: Path, tmp_path: Path
) -> None:
    a.execute(f"ATTACH '{tmp_path}/other.db' AS other")
    a.execute("BEGIN")
    try:
        assert ids(a, ds) == [1, 2, 3]
        as_another_process(lambda: call(b, "space_append", ds, "SELECT 50 AS id"))
        a.execute("USE other")
        assert ids(a, ds) == [1, 2, 3]
    finally:
        a.execute("COMMIT")
        a.execute("USE memory")
        a.execute("DETACH other")
    assert ids(a, ds) == [1, 2, 3, 50]


def test_a_rolled_back_transaction_keeps_what_it_wrote_to_the_dataset(a: Connection, b: Connection, ds: Path) -> None:
    a.execute("BEGIN")
    call(a, "space_append", ds, "SELECT 60 AS id")
    assert ids(b, ds) == [1, 2, 3, 60]
    a.execute("ROLLBACK")
    assert ids(a, ds) == [1, 2, 3, 60]


@pytest.mark.usefixtures("transaction")
def test_a_tag_of_an_old_transaction_points_at_its_own_write(a: Connection, b: Connection, ds: Path) -> None:
    rows(a, ds)
    as_another_process(lambda: call(b, "space_append", ds, "SELECT 50 AS id"))
    own = call(a, "space_append", ds, "SELECT 60 AS id")[0]
    call(a, "space_tag", ds, "mine")
    assert (own,) in b.execute(f"SELECT snapshot_id FROM {call_sql('space_refs', ds)} WHERE name = 'mine'").fetchall()


def test_cursors_of_one_connection_have_transactions_of_their_own(b: Connection, ds: Path) -> None:
    with space_sql.connect() as con:
        cursor = con.cursor()
        con.execute("BEGIN")
        assert ids(con, ds) == [1, 2, 3]
        call(b, "space_append", ds, "SELECT 50 AS id")
        assert ids(cursor, ds) == [1, 2, 3, 50]
        assert ids(con, ds) == [1, 2, 3]
        con.execute("COMMIT")


def test_a_view_in_a_database_reads_what_the_transaction_reads(a: Connection, b: Connection, ds: Path) -> None:
    a.execute(f"CREATE OR REPLACE TEMP VIEW seen AS FROM space_scan({literal(str(ds))})")
    a.execute("BEGIN")
    assert a.execute("SELECT count(*) FROM seen").fetchall() == [(3,)]
    as_another_process(lambda: call(b, "space_append", ds, "SELECT 50 AS id"))
    assert a.execute("SELECT count(*) FROM seen").fetchall() == [(3,)]
    a.execute("COMMIT")
    assert a.execute("SELECT count(*) FROM seen").fetchall() == [(4,)]


def test_a_prepared_statement_reads_the_newest_state_each_time(a: Connection, b: Connection, ds: Path) -> None:
    a.execute(f"PREPARE counting AS SELECT count(*) FROM space_scan({literal(str(ds))})")
    assert a.execute("EXECUTE counting").fetchall() == [(3,)]
    as_another_process(lambda: call(b, "space_append", ds, "SELECT 50 AS id"))
    assert a.execute("EXECUTE counting").fetchall() == [(4,)]
    a.execute("DEALLOCATE counting")


@pytest.mark.parametrize("what", ["tag", "branch"])
def test_a_name_that_a_transaction_still_reads_cannot_be_given_again_in_it(
    transaction: object, a: Connection, b: Connection, ds: Path, what: str
) -> None:
    call(b, f"space_{what}", ds, "v1")
    assert rows(a, ds, version="v1")
    call(b, f"space_drop_{what}", ds, "v1")
    with pytest.raises(duckdb.Error) as error:
        call(a, "space_tag", ds, "v1")
    assert kind(error.value) == "already-exists"
