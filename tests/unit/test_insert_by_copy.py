"""INSERT INTO 'path' by DuckDB's COPY: what it leaves on the disk, and when it is not taken."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import space_sql
from space_sql.dataset import copied
from space_sql.dataset.ascending import ascend
from space_sql.dataset.dataset import open_dataset
from space_sql.dataset.vacuum import own_files
from space_sql.format.data_file import DataFile
from space_sql.format.schema import Column
from space_sql.format.types import BIGINT

COLUMNS = "id BIGINT, label VARCHAR, x DOUBLE, tags VARCHAR[]"


@pytest.fixture
def con(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[duckdb.DuckDBPyConnection]:
    monkeypatch.chdir(tmp_path)
    with space_sql.connect() as con:
        con.execute(f"CALL space_create('ds', columns => '{COLUMNS}', primary_keys => ['id'])")
        yield con


def data_files() -> list[DataFile]:
    view = open_dataset("ds").view()
    return list(view.state(view.head("main")).files.values())


def left() -> set[str]:
    """Files in the folder that the dataset does not have."""
    return {f"data/{name}" for name in os.listdir("ds/data")} - {file.path for file in data_files()}


def is_copied(file: DataFile) -> bool:
    return str(pq.read_metadata(f"ds/{file.path}").created_by).startswith("DuckDB")


def test_rows_beyond_a_files_size_go_into_several(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copied, "FILE_BYTES", 1)
    monkeypatch.setattr(copied, "ROW_GROUP_ROWS", 2048)
    con.execute("INSERT INTO 'ds' SELECT range AS id, 'l' || range AS label FROM range(30_000)")
    found = open_dataset("ds").log.commit(1).files_added  # the content has them merged
    assert len(found) > 10
    assert all(is_copied(file) for file in found)
    assert sum(file.rows for file in found) == 30_000
    assert con.execute("SELECT count(DISTINCT id), sum(id), max(label) FROM 'ds'").fetchall() == [
        (30_000, 30_000 * 29_999 // 2, "l9999")
    ]
    assert con.execute("FROM space_verify('ds', deep => true)").fetchall() == []
    known = {path for path, _, _ in own_files(Path("ds").absolute())}
    assert {file.path for file in found} <= known, "vacuum knows all of these names"


def test_columns_without_null_are_optional_in_the_file(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TABLE src AS SELECT range AS id, 'a' AS label, 0.5::DOUBLE AS x, ['t'] AS tags FROM range(9)")
    con.execute("INSERT INTO 'ds' FROM src")
    (file,) = data_files()
    schema = pq.read_schema(f"ds/{file.path}")
    assert is_copied(file)
    assert [(f.name, f.nullable, f.metadata[b"PARQUET:field_id"]) for f in schema] == [
        ("id", True, b"1"),
        ("label", True, b"2"),
        ("x", True, b"3"),
        ("tags", True, b"4"),
    ]


def test_where_nan_is_no_bound_is_kept_and_no_row_is_lost(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "INSERT INTO 'ds' SELECT range AS id, CASE WHEN range = 200_000 THEN 'NaN'::DOUBLE ELSE 1 END AS x "
        "FROM range(250_000)"
    )
    (file,) = data_files()
    assert is_copied(file)
    assert file.stats == {1: [0, 249_999, 0]}
    assert con.execute("SELECT id FROM 'ds' WHERE x > 100").fetchall() == [(200_000,)]


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("SELECT range AS id, CASE WHEN range = 299_999 THEN error('oh') END AS label FROM range(300_000)", "oh"),
        ("SELECT range // 2 AS id FROM range(9)", 'the source has the key 0|[0-9] of "id" more than once'),
        ("SELECT nullif(range, 5) AS id FROM range(9)", "is NULL in a source row"),
        ("SELECT 1 AS id, 'bad' AS label UNION ALL SELECT 2, 'good'", 'check "good_only" fails'),
        ("SELECT 0 AS id", 'the key 0 of "id" exists already'),
    ],
)
def test_what_fails_leaves_nothing(con: duckdb.DuckDBPyConnection, query: str, error: str) -> None:
    con.execute("INSERT INTO 'ds' SELECT 0 AS id; CALL space_add_check('ds', 'good_only', 'label <> ''bad''')")
    with pytest.raises(duckdb.InvalidInputException, match=error):
        con.execute(f"INSERT INTO 'ds' {query}")
    assert len(data_files()) == 1
    assert left() == set()


def test_a_transaction_goes_on_as_with_the_function(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("BEGIN; CREATE TEMP TABLE mine AS SELECT 3::BIGINT AS id; CREATE SEQUENCE seen")
    con.execute("INSERT INTO 'ds' SELECT id + nextval('seen') AS id FROM mine")
    assert con.execute("SELECT id, nextval('seen') FROM 'ds'").fetchall() == [(4, 2)]
    con.execute("ROLLBACK")
    assert con.execute("SELECT id FROM 'ds'").fetchall() == [(4,)], "a write commits when its statement ends"
    assert is_copied(*data_files())
    for write in ("INSERT INTO 'ds' SELECT 4 AS id", "CALL space_insert('ds', 'SELECT 4 AS id')"):
        con.execute("BEGIN")
        with pytest.raises(duckdb.InvalidInputException, match="exists already"):
            con.execute(write)
        with pytest.raises(duckdb.TransactionException, match="aborted"):
            con.execute("SELECT 1")
        con.execute("ROLLBACK")
    con.execute("SELECT 1")
    with pytest.raises(duckdb.TransactionException):
        con.execute("COMMIT")


def test_a_key_that_appears_meanwhile_is_a_conflict(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("BEGIN")
    assert con.execute("FROM 'ds'").fetchall() == []
    other = con.cursor()
    other.execute("INSERT INTO 'ds' SELECT 7 AS id")
    with pytest.raises(duckdb.InvalidInputException, match=r"conflict: the key 7 .* committed meanwhile"):
        con.execute("INSERT INTO 'ds' SELECT 7 AS id")
    con.execute("ROLLBACK")
    assert left() == set()
    con.execute("INSERT INTO 'ds' SELECT 8 AS id")
    assert len(data_files()) == 2


def test_what_the_caller_sees_is_copied_once(con: duckdb.DuckDBPyConnection) -> None:
    mine = pa.table({"id": [1, 2]})
    assert con.sql("INSERT INTO 'ds' FROM mine").fetchall() == [(1, "insert", 2, 0, 0)]
    con.register("theirs", pa.table({"ID": [3]}))
    con.execute("CREATE MACRO twice(a) AS 2 * a; CALL space_branch('ds', 'dev')")
    con.execute("INSERT INTO 'ds@dev' SELECT twice(\"ID\") AS id FROM theirs")
    assert con.execute("SELECT id FROM 'ds@dev' ORDER BY id").fetchall() == [(1,), (2,), (6,)]
    assert con.execute("SELECT id FROM 'ds' ORDER BY id").fetchall() == [(1,), (2,)]
    assert is_copied(*data_files())
    assert len(mine) == 2


@pytest.mark.parametrize(
    ("column", "value", "copies"),
    [
        ("a INTEGER", "1::SMALLINT", True),
        ("a INTEGER", "1::BIGINT", False),
        ("a HUGEINT", "1::UBIGINT", True),
        ("a VARCHAR", "NULL", True),
        ("a ENUM('x')", "'x'::ENUM('x')", True),
        ("a VARCHAR", "'x'::ENUM('x')", False),
        ("a DOUBLE", "0.5::DECIMAL(2,1)", False),
        ("a TIMESTAMPTZ", "'2024-01-01 00:00:00+02'", False),
        ("a TIMESTAMPTZ", "now()", True),
        ("a INTERVAL", "INTERVAL 1 DAY", False),
        ("a STRUCT(i INTERVAL)[]", "[{'i': INTERVAL 1 DAY}]", False),
        ("a JSON", "'1'::JSON", True),
        ("a JSON[]", "['1'::JSON]", False),
        ("a INTEGER[2]", "[1, 2]::INTEGER[2]", True),
        ("a STRUCT(b INTEGER, c INTEGER)", "{'c': 1, 'b': 2}", False),
        ("a TIMETZ", "'12:00:00+02'::TIMETZ", False),
    ],
)
def test_the_rule(con: duckdb.DuckDBPyConnection, column: str, value: str, *, copies: bool) -> None:
    con.execute("CALL space_create('t', columns => $1, primary_keys => ['id'])", [f"id INTEGER, {column}"])
    con.execute(f"INSERT INTO 't' SELECT 1 AS id, {value} AS a")
    (name,) = os.listdir("t/data")
    assert str(pq.read_metadata(f"t/data/{name}").created_by).startswith("DuckDB") is copies


def test_records_are_staged(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "CALL space_create('t', columns => 'id INTEGER, r BLOB', primary_keys => ['id'], record_fields => ['r'])"
    )
    con.execute("INSERT INTO 't' SELECT 1 AS id, 'one'::BLOB AS r")
    assert con.execute("FROM 't'").fetchall() == [(1, b"one")]


def test_where_duckdb_may_write_no_file_rows_are_staged(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("SET enable_external_access = false")
    con.execute("INSERT INTO 'ds' SELECT 1 AS id")
    assert not is_copied(*data_files())


GROUPS = st.lists(st.lists(st.none() | st.integers(-9, 9), min_size=1, max_size=4), min_size=1, max_size=4)


@settings(max_examples=80, deadline=None)
@given(GROUPS | GROUPS.map(lambda groups: [sorted({v for v in g if v is not None}) or [0] for g in groups]))
def test_keys_that_are_said_to_ascend_do_not_repeat(tmp_path_factory: pytest.TempPathFactory, groups: Any) -> None:
    root = tmp_path_factory.getbasetemp()
    field = pa.field("k", pa.int64(), metadata={b"PARQUET:field_id": b"5"})
    with pq.ParquetWriter(root / "k.parquet", pa.schema([field])) as writer:
        for group in groups:
            writer.write_table(pa.table([pa.array(group, pa.int64())], schema=pa.schema([field])))
    file = DataFile(0, "k.parquet", 0, 0, "insert")
    values = [value for group in groups for value in group]
    grow = all(None not in g and g == sorted(set(g)) for g in groups)
    whole = None not in values and len(set(values)) == len(values)
    apart = grow and whole and all(a[-1] < b[0] for a, b in zip(sorted(groups), sorted(groups)[1:], strict=False))
    assert ascend(root, [file], Column(5, "k", BIGINT)) is apart
    assert not ascend(root, [file, file], Column(5, "k", BIGINT))
    assert not ascend(root, [file], Column(6, "other", BIGINT))
