"""The view operations that are killed: what each needs, does and must leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

import space_sql
from space_sql.dataset import dataset as opened
from space_sql.dataset import engine
from space_sql.views import computed
from tests.concurrency.sql import Row, call, call_sql, kind, literal
from tests.crash import steps
from tests.property.views.oracle import difference
from tests.property.views.surface import history


def scanned(path: Path, version: object = None) -> str:
    """``space_scan`` of a dataset."""
    return call_sql("space_scan", path) if version is None else call_sql("space_scan", path, version=str(version))


QUERIES: dict[str, Callable[[str, str], str]] = {
    "rows": lambda raw, _: f"SELECT id, upper(label) AS label, n * 2 AS n FROM {raw} WHERE n <> 3",
    "groups": lambda raw, _: f"SELECT label, count(*) AS n, sum(n) AS s, max(n) AS most FROM {raw} GROUP BY label",
    "join": lambda raw, names: f"SELECT r.id, r.n, s.long FROM {raw} AS r JOIN {names} AS s ON r.label = s.label",
    "outer join": lambda raw, names: f"SELECT r.id, s.long FROM {raw} AS r FULL JOIN {names} AS s USING (label)",
    "function": lambda raw, _: f"SELECT id, thrice(n) AS n FROM {raw} WHERE n <> 3",
    "no rule": lambda raw, _: f"SELECT id, row_number() OVER (ORDER BY id, n, label) AS place FROM {raw}",
}


def prepared(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """The connection with the function that a query calls."""
    return space_sql.register_function(con, "thrice", _thrice, ["BIGINT"], "BIGINT", version="1")


def _thrice(value: int) -> int:
    return 3 * value


def create_sources(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """The datasets ``raw`` and ``names``."""
    rows = "SELECT range AS id, 'abc'[range % 3 + 1] AS label, range % 5 AS n FROM range(12)"
    call(con, "space_create", folder / "raw", source=rows, primary_keys=["id"])
    call(con, "space_upsert", folder / "raw", "SELECT 1 AS id, 'b' AS label, 9 AS n")
    names = "SELECT * FROM (VALUES ('a', 'alpha'), ('b', 'beta'), (NULL, 'none')) AS v(label, long)"
    call(con, "space_create", folder / "names", source=names, primary_keys=["long"])


def change_sources(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Every kind of change to them."""
    call(con, "space_upsert", folder / "raw", "SELECT range AS id, 'c' AS label, 1 AS n FROM range(10, 14)")
    call(con, "space_delete", folder / "raw", "id IN (2, 5)")
    call(con, "space_update", folder / "raw", "label = 'a'", "id = 4")
    call(con, "space_append", folder / "names", "SELECT 'c' AS label, 'gamma' AS long")


def query_over(name: str, folder: Path) -> str:
    """A query over the sources."""
    return QUERIES[name](scanned(folder / "raw"), scanned(folder / "names"))


@dataclass(frozen=True)
class Operation:
    """``materialize`` or ``refresh`` of one of the queries."""

    function: str
    query: str
    policy: str = "auto"

    def prepare(self, con: duckdb.DuckDBPyConnection, folder: Path) -> None:
        """What must be there before."""
        create_sources(con, folder)
        if self.query == "function":
            prepared(con)
        if self.function == "space_refresh":
            materialize(con, folder, self.query)
            change_sources(con, folder)

    def run(self, con: duckdb.DuckDBPyConnection, folder: Path) -> Row:
        """Do it."""
        if self.function == "space_materialize":
            return materialize(con, folder, self.query)
        return call(con, self.function, folder / "view", policy=self.policy)


def materialize(con: duckdb.DuckDBPyConnection, folder: Path, query: str) -> Row:
    """Materialize a query as ``view``."""
    return call(con, "space_materialize", folder / "view", query_over(query, folder))


def run_once(pipe: Any, operation: Operation, folder: Path, at_step: steps.KillAt) -> None:
    """Do it in a process of its own; says the result, or the error."""
    con = space_sql.connect()
    if operation.query == "function":
        prepared(con)
        computed.FIRST = 0.0  # every batch is a file
    with engine.cursor() as warm:
        warm.execute("SELECT 1")
    steps.install(at_step)
    try:
        result: object = operation.run(con, folder)
    except duckdb.Error as error:
        result = str(error)
    pipe.send((result, at_step.count))


def snapshots(con: duckdb.DuckDBPyConnection, path: Path) -> list[int] | None:
    """The ids of all snapshots, oldest first, as a process that has nothing open finds them; None where none is."""
    opened._open.clear()
    try:
        found = con.execute(f"SELECT snapshot_id FROM {call_sql('space_snapshots', path)} ORDER BY 1").fetchall()
    except duckdb.Error as error:
        if kind(error) == "not-found":
            return None
        raise
    return [snapshot for (snapshot,) in found]


def check_history(con: duckdb.DuckDBPyConnection, folder: Path, query: str) -> None:
    """Every snapshot of the view holds what the query gives over the sources at the versions recorded with it."""
    path = folder / "view"
    for snapshot, at in history(con, path).items():
        wanted = QUERIES[query](
            scanned(folder / "raw", at["raw"]),
            scanned(folder / "names", at["names"]) if "names" in at else "",
        )
        found = difference(con, wanted, f"FROM space_scan({literal(str(path))}, version => '{snapshot}')")
        assert found is None, f"snapshot {snapshot} of {at}: {found}"
