"""Where the difference cannot be computed or does not fit, `auto` computes the view anew and says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

import space_sql
from space_sql.errors import SpaceError, StorageError
from space_sql.views import refresh
from space_sql.views.apply import RowsMissing
from tests.concurrency.scratch import scratch_folder
from tests.views.operators import CHANGES
from tests.views.table import over, prepared


@pytest.fixture
def world() -> Iterator[tuple[duckdb.DuckDBPyConnection, str, str]]:
    """A connection, a view's folder and its query, whose sources changed since."""
    with scratch_folder() as folder, space_sql.connect() as con:
        prepared(con, folder)
        query = over("SELECT id, name FROM a JOIN b ON a.k = b.k", folder)
        con.execute(f"CALL space_materialize('{folder}/mv', $${query}$$)")
        for change in CHANGES:
            con.execute(change.format(folder=folder))
        yield con, f"{folder}/mv", query


def fail(monkeypatch: pytest.MonkeyPatch, error: SpaceError, times: int = 1) -> None:
    """Let the difference, and what comes after it, fail so many times."""
    real, failed = refresh.apply, []

    def apply(*given: Any, **named: Any) -> Any:
        if len(failed) < times:
            failed.append(error)
            raise error
        return real(*given, **named)

    monkeypatch.setattr(refresh, "apply", apply)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (StorageError("Failed to bind"), "duckdb-error: Failed to bind"),
        (RowsMissing("2 rows"), "rows-not-found: rows that should leave the view were not in it"),
    ],
)
def test_auto_computes_anew(
    world: tuple[duckdb.DuckDBPyConnection, str, str],
    monkeypatch: pytest.MonkeyPatch,
    error: SpaceError,
    reason: str,
) -> None:
    con, path, query = world
    fail(monkeypatch, error)
    assert con.execute(f"SELECT policy, reason FROM space_refresh('{path}')").fetchall() == [("full", reason)]
    for one, other in (("stored", "wanted"), ("wanted", "stored")):
        both = f"WITH stored AS (FROM space_scan('{path}')), wanted AS ({query})"
        assert con.execute(f"{both} FROM {one} EXCEPT ALL FROM {other}").fetchall() == []


@pytest.mark.parametrize(("arguments", "times"), [(", policy => 'incremental'", 1), ("", 2)])
def test_an_error_that_stays_is_told_and_changes_nothing(
    world: tuple[duckdb.DuckDBPyConnection, str, str], monkeypatch: pytest.MonkeyPatch, arguments: str, times: int
) -> None:
    con, path, _ = world
    before = con.execute(f"FROM space_snapshots('{path}')").fetchall()
    fail(monkeypatch, StorageError("Failed to bind"), times)
    with pytest.raises(duckdb.Error, match="storage: Failed to bind"):
        con.execute(f"CALL space_refresh('{path}'{arguments})")
    assert con.execute(f"FROM space_snapshots('{path}')").fetchall() == before
