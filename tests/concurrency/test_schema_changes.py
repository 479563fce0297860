"""Schema changes that meet: columns have identities, so neither names nor values get mixed up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.concurrency.conftest import Connection, Racing
from tests.concurrency.sql import call, call_sql, kind, rows


def named(con: Connection, ds: Path, **options: object) -> list[dict[str, Any]]:
    """Rows as dictionaries, by id."""
    found = con.execute(f"FROM {call_sql('space_scan', ds, **options)} ORDER BY id")
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def test_a_row_is_not_given_to_a_column_that_took_its_columns_name(
    racing: Racing, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    def swap() -> None:
        call(b, "space_rename_column", ds, "label", "kept")
        call(b, "space_rename_column", ds, "note", "label")

    racing(swap)
    call(a, "space_append", ds, "SELECT 50 AS id, 'for the old label' AS label")
    assert named(reader, ds)[-1] == {"id": 50, "kept": "for the old label", "label": None, "extra": None}


def test_a_column_that_was_dropped_and_added_anew_stays_empty(
    racing: Racing, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    def anew() -> None:
        call(b, "space_drop_column", ds, "label")
        call(b, "space_add_column", ds, "label VARCHAR")

    racing(anew)
    call(a, "space_update", ds, "label = 'for the old label'", "id = 1")
    assert [row["label"] for row in named(reader, ds)] == [None, None, None]


def test_a_column_added_meanwhile_keeps_its_values_under_an_update_of_other_rows(
    racing: Racing, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    def add() -> None:
        call(b, "space_add_column", ds, "more INTEGER")
        call(b, "space_update", ds, "more = 7", "id = 3")

    racing(add)
    call(a, "space_update", ds, "label = 'set'", "id = 1")
    assert [(row["label"], row["more"]) for row in named(reader, ds)] == [("set", None), ("zwei", None), ("three", 7)]


def test_a_column_added_meanwhile_keeps_its_values_under_an_upsert_of_the_same_rows(
    racing: Racing, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    def add() -> None:
        call(b, "space_add_column", ds, "more INTEGER")
        call(b, "space_update", ds, "more = 7", "id = 1")

    racing(add)
    call(a, "space_upsert", ds, "SELECT 1 AS id, 'set' AS label")
    assert named(reader, ds)[0] == {"id": 1, "label": "set", "note": "n1", "extra": 0.5, "more": 7}


def test_two_writers_that_evolve_different_columns_both_stand(
    racing: Racing, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    racing(lambda: call(b, "space_append", ds, "SELECT 50 AS id, 1 AS from_b", evolve=True))
    call(a, "space_append", ds, "SELECT 60 AS id, 2 AS from_a", evolve=True)
    found = named(reader, ds)
    assert list(found[0]) == ["id", "label", "note", "extra", "from_b", "from_a"]
    assert [(row["from_b"], row["from_a"]) for row in found[-2:]] == [(1, None), (None, 2)]


@pytest.mark.parametrize("operation", ["append", "upsert", "insert", "overwrite"])
def test_two_writers_that_evolve_a_column_of_the_same_name_are_a_conflict(
    operation: str, racing: Racing, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    racing(lambda: call(b, "space_append", ds, "SELECT 50 AS id, 1 AS more", evolve=True))
    with pytest.raises(duckdb.Error) as error:
        call(a, f"space_{operation}", ds, "SELECT 60 AS id, 'text' AS more", evolve=True)
    assert kind(error.value) == "conflict"
    assert [(row["id"], row["more"]) for row in named(reader, ds)] == [(1, None), (2, None), (3, None), (50, 1)]


def test_the_conflict_of_two_evolving_writers_is_gone_on_retry(
    racing: Racing, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    racing(lambda: call(b, "space_append", ds, "SELECT 50 AS id, 1 AS more", evolve=True))
    with pytest.raises(duckdb.Error, match="conflict: "):
        call(a, "space_append", ds, "SELECT 60 AS id, 2 AS more", evolve=True)
    call(a, "space_append", ds, "SELECT 60 AS id, 2 AS more", evolve=True)
    assert [(row["id"], row["more"]) for row in named(reader, ds)[-2:]] == [(50, 1), (60, 2)]


def test_a_column_that_two_writers_widen_alike_is_widened_once(
    racing: Racing, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    call(b, "space_add_column", ds, "small INTEGER")
    racing(lambda: call(b, "space_append", ds, f"SELECT 50 AS id, {1 << 40} AS small", evolve=True))
    call(a, "space_append", ds, f"SELECT 60 AS id, {1 << 41} AS small", evolve=True)
    assert [(row["id"], row["small"]) for row in named(reader, ds)[-2:]] == [(50, 1 << 40), (60, 1 << 41)]


def test_rows_of_a_narrow_column_fit_after_it_was_widened_meanwhile(
    racing: Racing, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    call(b, "space_add_column", ds, "small INTEGER")
    racing(lambda: call(b, "space_append", ds, f"SELECT 50 AS id, {1 << 40} AS small", evolve=True))
    call(a, "space_append", ds, "SELECT 60 AS id, 5::INTEGER AS small")
    assert [(row["id"], row["small"]) for row in named(reader, ds)[-2:]] == [(50, 1 << 40), (60, 5)]
    call(a, "space_upsert", ds, "SELECT 60 AS id, 6::INTEGER AS small")
    assert named(reader, ds)[-1]["small"] == 6


def test_an_update_fits_after_its_column_was_widened_meanwhile(
    racing: Racing, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    call(b, "space_add_column", ds, "small INTEGER")
    racing(lambda: call(b, "space_append", ds, "SELECT 50 AS id, 0.5::DOUBLE AS small", evolve=True))
    call(a, "space_update", ds, "small = 5", "id = 1")
    assert [row["small"] for row in named(reader, ds)] == [5.0, None, None, 0.5]


def test_an_insert_finds_a_key_that_was_committed_under_the_keys_new_name(
    racing: Racing, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    def rename() -> None:
        call(b, "space_rename_column", ds, "id", "number")
        call(b, "space_append", ds, "SELECT 50 AS number")

    racing(rename)
    with pytest.raises(duckdb.Error) as error:
        call(a, "space_insert", ds, "SELECT 50 AS id")
    assert kind(error.value) == "conflict"
    assert sorted(row[0] for row in rows(reader, ds)) == [1, 2, 3, 50]


def test_a_restore_brings_back_the_columns_of_the_version(
    racing: Racing, a: Connection, b: Connection, reader: Connection, ds: Path
) -> None:
    racing(lambda: call(b, "space_add_column", ds, "more INTEGER"))
    call(a, "space_restore", ds, "v0")
    assert list(named(reader, ds)[0]) == ["id", "label", "note", "extra"]


@pytest.mark.parametrize(
    ("function", "arguments"), [("space_drop_column", ("label",)), ("space_rename_column", ("label", "renamed"))]
)
def test_a_change_of_a_column_never_hits_another_that_took_its_name_meanwhile(
    function: str,
    arguments: tuple[str, ...],
    racing: Racing,
    a: Connection,
    b: Connection,
    reader: Connection,
    ds: Path,
) -> None:
    def swap() -> None:
        call(b, "space_rename_column", ds, "label", "kept")
        call(b, "space_rename_column", ds, "note", "label")

    racing(swap)
    with pytest.raises(duckdb.Error) as error:
        call(a, function, ds, *arguments)
    assert kind(error.value) in ("conflict", "not-found")
    assert list(named(reader, ds)[0]) == ["id", "kept", "label", "extra"]
