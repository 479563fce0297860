"""The private DuckDB: settings, threads, forks and errors."""

from __future__ import annotations

import os
import threading

import duckdb
import pyarrow as pa
import pytest

from space_sql.dataset import engine
from space_sql.errors import InvalidInputError, SpaceError, StorageError


def test_a_query_sees_its_tables_and_keeps_types_and_order() -> None:
    rows = pa.table({"n": pa.array(range(300_000))})
    result = engine.query("SELECT n, uuid() AS u, to_json(n) AS j, now() AS t FROM given", {"given": rows})
    assert result["n"].combine_chunks().equals(rows["n"].combine_chunks())
    assert result.schema.field("u").type == pa.uuid()
    assert result.schema.field("j").type == pa.json_()
    assert result.schema.field("t").type == pa.timestamp("us", "UTC")


def test_it_never_sees_the_callers_objects() -> None:
    mine = pa.table({"n": [1]})
    assert len(mine) == 1
    with pytest.raises(InvalidInputError, match="mine"):
        engine.query("FROM mine")


def test_cursors_see_no_tables_of_others() -> None:
    engine.query("FROM given", {"given": pa.table({"n": [1]})})
    with pytest.raises(InvalidInputError, match="given"):
        engine.query("FROM given")


@pytest.mark.parametrize(
    ("sql", "kind", "line"),
    [
        ("SELECT error('column \"a\":\nvalue 2')", InvalidInputError, 'invalid-input: column "a": value 2'),
        ("SELECT nope", InvalidInputError, 'invalid-input: Referenced column "nope" was not found'),
        ("SELECT 'x'::INTEGER", InvalidInputError, "invalid-input: Could not convert string 'x' to INT32"),
        ("FROM '/nowhere/x.parquet'", StorageError, "storage: "),
    ],
)
def test_errors_are_one_line_without_duckdbs_decoration(sql: str, kind: type[SpaceError], line: str) -> None:
    with pytest.raises(kind) as error:
        engine.query(sql)
    assert error.value.line.startswith(line)
    assert "LINE 1" not in error.value.line


def test_a_fatal_error_is_followed_by_a_new_instance() -> None:
    with engine.cursor() as first:
        first.execute("CREATE TABLE marker AS SELECT 1")
    with pytest.raises(StorageError, match="broken"), engine.cursor():
        raise duckdb.FatalException("FATAL Error: broken")
    with pytest.raises(InvalidInputError, match="marker"):
        engine.query("FROM marker")


def test_threads_work_side_by_side() -> None:
    found: list[int] = []

    def work(number: int) -> None:
        for _ in range(10):
            found.append(engine.query("SELECT n FROM given", {"given": pa.table({"n": [number]})})["n"][0].as_py())

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(list(range(8)) * 10)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_gets_its_own() -> None:
    assert engine.query("SELECT 1 AS a").to_pylist() == [{"a": 1}]
    child = os.fork()
    if child == 0:
        try:
            found = engine.query("SELECT 2 AS a").to_pylist()
        finally:
            os._exit(0 if found == [{"a": 2}] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
