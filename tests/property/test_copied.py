"""INSERT INTO 'path', which copies, and space_insert, which stages, do the same to the byte of every value."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

import space_sql
from space_sql.dataset.dataset import open_dataset
from tests.concurrency.scratch import scratch_folder
from tests.property.copied import Inserted, inserted, quoted
from tests.property.values import freeze

pytestmark = pytest.mark.property
LONG = bool(os.environ.get("SPACE_SQL_LONG"))
_ways: Counter[str] = Counter()


def attempt(con: duckdb.DuckDBPyConnection, statement: str) -> Any:
    """The row that a write answers with, or its error: class and message, without the lines of a query."""
    try:
        return con.execute(statement).fetchall()
    except duckdb.Error as error:
        return type(error).__name__, str(error).split("\n\nLINE ")[0]


def contents(con: duckdb.DuckDBPyConnection, path: Path) -> Any:
    """Rows with their values' types, columns, and what the log says of the files."""
    rows = con.execute(f"SELECT *, typeof(COLUMNS(*)) FROM space_scan('{path}')").fetchall()
    told = con.execute(f"SELECT row_count, statistics FROM space_files('{path}')").fetchall()
    head = open_dataset(str(path)).view()
    state = head.state(head.head("main"))
    return (
        Counter(map(freeze, rows)),
        con.execute(f"FROM space_schema('{path}')").fetchall(),
        [(count, orjson.loads(text)) for count, text in told],
        [(f.empty, f.columns, f.change, f.origin) for f in state.files.values()],
        con.execute(f"FROM space_verify('{path}', deep => true)").fetchall(),
    )


def files(path: Path) -> set[str]:
    """Paths of the data files that count."""
    view = open_dataset(str(path)).view()
    return {f.path for f in view.state(view.head("main")).files.values()}


def writers(path: Path) -> set[str]:
    """Who wrote the data files."""
    found = (pq.read_metadata(file).created_by for file in (path / "data").glob("*.parquet"))
    return {"COPY" if text.startswith("DuckDB") else "staged" for text in found}


def check_both(con: duckdb.DuckDBPyConnection, folder: Path, case: Inserted) -> None:
    one, other = folder / "copied", folder / "staged"
    columns = ", ".join(["id BIGINT", *(f"{quoted(name)} {type_}" for name, type_ in case.columns)])
    for path in (one, other):
        con.execute(f"CALL space_create('{path}', columns => $1, primary_keys => ['id'])", [columns])
    statement, call = f"INSERT INTO '{one}' {case.query}", "CALL space_insert('{}', '{}')"
    done = attempt(con, statement)
    assert done == attempt(con, call.format(other, case.query.replace("'", "''")))
    assert contents(con, one) == contents(con, other)
    assert writers(other) <= {"staged"}
    _ways.update(writers(one) or {"none"})
    for path in (one, other):
        assert {f"data/{name}" for name in os.listdir(path / "data")} == files(path), "nothing is left behind"


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with space_sql.connect() as con:
        con.execute("SET VARIABLE space_sync = false; SET TimeZone = 'Asia/Kathmandu'")
        yield con


def test_a_statement_and_the_function_do_the_same(con: duckdb.DuckDBPyConnection) -> None:
    @settings(
        max_examples=2000 if LONG else 25,
        deadline=None,
        derandomize=not LONG,
        suppress_health_check=list(HealthCheck),
    )
    @given(inserted())
    def same(case: Inserted) -> None:
        with scratch_folder() as folder:
            check_both(con, folder, case)

    same()
    assert _ways["COPY"] >= 5
    assert _ways["staged"] >= (50 if LONG else 1)
