"""Writer B commits while the rows of A's statement are still being read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.concurrency.conftest import Connection
from tests.concurrency.operations import MERGED, OPERATIONS, SAME, base_content, target
from tests.concurrency.sql import call, kind, literal, rows
from tests.concurrency.table import conflict_table

Arriving = Callable[[Callable[[], object]], str]
ROW_WRITES = ["append", "insert", "upsert", "update", "delete", "overwrite"]
TABLE = conflict_table()


def arguments_while(second: str, condition: str) -> tuple[object, ...]:
    """The arguments of A's write, in whose evaluation the condition takes part."""
    *first, last = OPERATIONS[second].arguments(target("A", same=True))
    text = f"{last} AND {condition}" if second in ("update", "delete") else f"FROM ({last}) WHERE {condition}"
    return (*first, text)


@pytest.mark.parametrize("first", [*ROW_WRITES, "restore", "rename column", "drop column"])
@pytest.mark.parametrize("second", ROW_WRITES)
def test_what_is_committed_while_rows_arrive_counts_as_committed_meanwhile(
    second: str, first: str, arriving: Arriving, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    saw = base_content()
    expected = OPERATIONS[first].apply(saw, saw, target("B", same=True))
    condition = arriving(lambda: OPERATIONS[first].run(b, ds, target("B", same=True)))
    met = None
    try:
        call(a, f"space_{second}", ds, *arguments_while(second, condition))
    except duckdb.Error as error:
        met = kind(error)
    assert met == (None if TABLE[second, first] == "both" else "conflict")
    if met is None:
        expected = OPERATIONS[second].apply(expected, saw, target("A", same=True))
    assert rows(reader, ds) == expected.shown()


def test_an_update_leaves_rows_alone_that_were_added_while_it_ran(
    arriving: Arriving, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    condition = arriving(lambda: call(b, "space_append", ds, "SELECT 50 AS id, 'fifty' AS label"))
    assert call(a, "space_update", ds, "label = upper(label)", f"id > 0 AND {condition}")[2:] == (0, 3, 0)
    assert [row[:2] for row in rows(reader, ds)] == [(1, "ONE"), (2, "ZWEI"), (3, "THREE"), (50, "fifty")]


def test_a_delete_leaves_rows_alone_that_were_added_while_it_ran(
    arriving: Arriving, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    condition = arriving(lambda: call(b, "space_append", ds, "SELECT 50 AS id, 'fifty' AS label"))
    assert call(a, "space_delete", ds, condition)[2:] == (0, 0, 3)
    assert [row[:2] for row in rows(reader, ds)] == [(50, "fifty")]


def test_of_two_deletes_each_counts_the_rows_that_it_took_away(
    arriving: Arriving, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    condition = arriving(lambda: call(b, "space_delete", ds, "id IN (1, 2)"))
    assert call(a, "space_delete", ds, f"id IN (2, 3) AND {condition}")[2:] == (0, 0, 1)
    assert rows(reader, ds) == []


def test_a_delete_of_rows_that_are_gone_by_then_commits_nothing(
    arriving: Arriving, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    condition = arriving(lambda: call(b, "space_delete", ds, "id = 2"))
    standing = call(a, "space_delete", ds, f"id = 2 AND {condition}")
    assert standing[2:] == (0, 0, 0)
    newest = reader.execute(f"SELECT max(snapshot_id) FROM space_snapshots({literal(str(ds))})").fetchall()
    assert newest == [(standing[0],)]


def test_a_key_that_is_set_to_one_that_appeared_meanwhile_is_a_conflict(
    arriving: Arriving, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    condition = arriving(lambda: call(b, "space_append", ds, "SELECT 50 AS id"))
    with pytest.raises(duckdb.Error) as error:
        call(a, "space_update", ds, "id = 50", f"id = 1 AND {condition}")
    assert kind(error.value) == "conflict"
    assert sorted(row[0] for row in rows(reader, ds)) == [1, 2, 3, 50]


@pytest.mark.parametrize(
    ("function", "arguments"),
    [("space_update", ("id = 2", "id = 1 AND {}")), ("space_insert", ("FROM (SELECT 2 AS id) WHERE {}",))],
)
def test_a_key_that_the_writer_saw_exists_for_it_though_it_was_freed_meanwhile(
    function: str,
    arguments: tuple[str, ...],
    arriving: Arriving,
    a: Connection,
    b: Connection,
    reader: Connection,
    ds: Path,
) -> None:
    condition = arriving(lambda: call(b, "space_delete", ds, "id = 2"))
    with pytest.raises(duckdb.Error) as error:
        call(a, function, ds, *(text.format(condition) for text in arguments))
    assert kind(error.value) == "invalid-input"
    assert sorted(row[:2] for row in rows(reader, ds)) == [(1, "one"), (3, "three")]


def test_an_upsert_that_became_equal_to_what_was_committed_meanwhile_changes_nothing(
    arriving: Arriving, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    source = "SELECT 2 AS id, 'both' AS label"
    condition = arriving(lambda: call(b, "space_upsert", ds, source))
    assert call(a, "space_upsert", ds, f"FROM ({source}) WHERE {condition}")[2:] == (0, 0, 0)
    assert rows(reader, ds)[1] == (2, "both", "n2", None)


def test_an_upsert_keeps_what_others_wrote_meanwhile_to_columns_that_its_source_lacks(
    arriving: Arriving, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    condition = arriving(lambda: call(b, "space_update", ds, "note = 'from B'", "id = 2"))
    call(a, "space_upsert", ds, f"FROM (SELECT 2 AS id, 'from A' AS label) WHERE {condition}")
    assert rows(reader, ds)[1] == (2, "from A", "from B", None)


def test_a_source_that_reads_the_dataset_itself_reads_it_as_the_statement_began(
    arriving: Arriving, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    condition = arriving(lambda: call(b, "space_append", ds, "SELECT 50 AS id"))
    copied = f"SELECT id + 100 AS id, label FROM space_scan({literal(str(ds))}) WHERE {condition}"
    assert call(a, "space_append", ds, copied)[2:] == (3, 0, 0)
    assert sorted(row[0] for row in rows(reader, ds)) == [1, 2, 3, 50, 101, 102, 103]


def test_a_write_whose_branch_was_dropped_meanwhile_finds_it_gone(
    arriving: Arriving, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    condition = arriving(lambda: call(b, "space_drop_branch", ds, "y"))
    with pytest.raises(duckdb.Error) as error:
        call(a, "space_append", ds, f"FROM (SELECT 50 AS id) WHERE {condition}", branch="y")
    assert kind(error.value) == "not-found"
    assert rows(reader, ds) == base_content().shown()


def test_a_failed_write_leaves_no_file_behind(
    arriving: Arriving, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    condition = arriving(lambda: call(b, "space_append", ds, f"SELECT {SAME.key} AS id"))
    with pytest.raises(duckdb.Error):
        call(a, "space_insert", ds, f"FROM (SELECT {SAME.key} AS id) WHERE {condition}")
    versions = ("main", "v0", *MERGED)
    listed = " UNION ".join(f"SELECT file FROM space_files({literal(str(ds))}, version => '{v}')" for v in versions)
    files = {name for (name,) in reader.execute(listed).fetchall()}
    assert {path.relative_to(ds).as_posix() for path in (ds / "data").iterdir()} == files
