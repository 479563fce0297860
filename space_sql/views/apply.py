"""Putting a delta on a view's stored rows: which positions go, which rows come, and which of both are updates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa

from space_sql.dataset.engine import cursor
from space_sql.dataset.rewrite import write_query
from space_sql.dataset.scan import FILE, POS, rows_sql
from space_sql.errors import FormatError
from space_sql.format.carriers import physical_projection
from space_sql.format.data_file import DataFile, DeleteFile
from space_sql.format.schema import Column, Schema
from space_sql.format.state import State
from space_sql.format.types import BIGINT, DOUBLE, FLOAT, quote_identifier
from space_sql.storage.parquet import write_deletes
from space_sql.views.relation import WEIGHT

WEIGHTS = Column(2_147_483_003, WEIGHT, BIGINT)
"""The weight of a staged row, beside the view's columns; published files do not have it."""

_POSITIONS = pa.schema([("file", pa.int64()), ("pos", pa.int64())])


@dataclass(frozen=True)
class Applied:
    """What a delta does to the stored rows."""

    inserted: int
    updated: int
    deleted: int
    files: tuple[DataFile, ...]
    deletes: tuple[DeleteFile, ...]


class RowsMissing(FormatError):
    """Rows that should leave the view are not in it."""


def apply(root: Path, state: State, staged: Sequence[DataFile] | str, *, sync: bool) -> Applied:
    """Files for the rows that come and the positions that go; ``staged`` may be a query of weighted values.

    Raises:
        RowsMissing: a row that should go is not there.
    """
    with cursor() as con:
        return _Apply(con, root, state, staged).run(sync=sync)


class _Apply:
    def __init__(
        self, con: duckdb.DuckDBPyConnection, root: Path, state: State, staged: Sequence[DataFile] | str
    ) -> None:
        self.con, self.root, self.state = con, root, state
        self.columns = state.schema.columns
        if isinstance(staged, str):
            items = [
                f"{physical_projection(c.type, quote_identifier(c.name))} AS {quote_identifier(c.name)}"
                for c in self.columns
            ]
            rows = f"SELECT {', '.join(items)}, {WEIGHT} FROM (\n{staged}\n)"
        else:
            numbered = [replace(f, number=-1 - i) for i, f in enumerate(staged)]
            rows = rows_sql(root, numbered, [*self.columns, WEIGHTS], logical=False)
        con.execute(f"CREATE TEMP TABLE _space_staged AS {rows}")

    def run(self, *, sync: bool) -> Applied:
        con = self.con
        con.execute(
            f"CREATE TEMP TABLE _space_gone AS SELECT * REPLACE (-{WEIGHT} AS {WEIGHT}), "
            f"row_number() OVER () AS _space_i FROM _space_staged WHERE {WEIGHT} < 0"
        )
        gone = self._count(f"SELECT coalesce(sum({WEIGHT}), 0) FROM _space_gone")
        con.execute("CREATE TEMP TABLE _space_hits (i BIGINT, file BIGINT, pos BIGINT)")
        if gone:
            self._find(gone)
        keyed = _keyed(self.state.schema)
        same = _same("s", "g", self.state.schema.keys)
        paired = keyed and gone > 0
        if paired:
            con.execute(
                "CREATE TEMP TABLE _space_pairs AS SELECT s.rowid AS _space_r, g._space_i AS _space_p FROM "
                f"(SELECT *, rowid FROM _space_staged WHERE {WEIGHT} > 0) AS s JOIN _space_gone AS g ON {same}"
            )
            once = self._count(
                "SELECT count(*) = count(DISTINCT _space_r) AND count(*) = count(DISTINCT _space_p) FROM _space_pairs"
            ) and not self._count(
                f"SELECT count(*) FROM _space_pairs JOIN _space_staged AS s ON s.rowid = _space_r WHERE s.{WEIGHT} > 1"
            )
            if not once:
                con.execute("DELETE FROM _space_pairs")
        else:
            con.execute("CREATE TEMP TABLE _space_pairs (_space_r BIGINT, _space_p BIGINT)")
        names = ", ".join(quote_identifier(c.name) for c in self.columns)
        coming = f"SELECT {names} FROM _space_staged AS s, range(s.{WEIGHT}) WHERE s.{WEIGHT} > 0 AND s.rowid"
        files: list[DataFile] = []
        for change, member in (("insert", "NOT IN"), ("update", "IN")):
            query = f"{coming} {member} (SELECT _space_r FROM _space_pairs)"
            if self._count(f"SELECT count(*) FROM ({query})"):
                files += write_query(con, self.root, query, self.columns, change, sync=sync)
        deletes = []
        updated = deleted = 0
        for change, member in (("delete", "NOT IN"), ("update", "IN")):
            found = con.sql(
                f"SELECT file, pos FROM _space_hits WHERE i {member} (SELECT _space_p FROM _space_pairs)"
            ).to_arrow_table()
            if len(found):
                deletes.append(write_deletes(self.root, found.cast(_POSITIONS), change, sync=sync))
            if change == "delete":
                deleted = len(found)
            else:
                updated = len(found)
        inserted = sum(f.rows for f in files if f.change == "insert")
        return Applied(inserted, updated, deleted, tuple(files), tuple(deletes))

    def _count(self, sql: str) -> int:
        ((count,),) = self.con.execute(sql).fetchall()
        return int(count)

    def _stored(self, columns: Sequence[Column]) -> str:
        return rows_sql(self.root, list(self.state.files.values()), columns, logical=False, positions=True)

    def _find(self, gone: int) -> None:
        """Positions of the rows that go: by key where each has one row, else by all values, as often as they go."""
        keys = self.state.schema.keys
        if _keyed(self.state.schema):
            self.con.execute(
                f"INSERT INTO _space_hits SELECT g._space_i, t.{FILE}, t.{POS} FROM ({self._stored(keys)}) AS t "
                f"JOIN _space_gone AS g ON {_same('t', 'g', keys)}"
            )
            if self._count(
                f"SELECT count(*) = {gone} AND count(DISTINCT i) = {gone} AND count(DISTINCT (file, pos)) = {gone} "
                "FROM _space_hits"
            ):
                return
            self.con.execute("DELETE FROM _space_hits")
        self._match(_same("t", "g", self.columns), self.columns)
        if self._count("SELECT count(*) FROM _space_hits") == gone:
            return
        self._match_floats()
        found = self._count("SELECT count(*) FROM _space_hits")
        if found != gone:
            raise RowsMissing(
                f"{gone - found} rows that should leave the view are not in it: it was changed by something else, or "
                "its query is not the same at every call; space_refresh(path, policy => 'full') computes it anew"
            )

    def _match(self, same: str, columns: Sequence[Column]) -> None:
        self.con.execute(
            "INSERT INTO _space_hits SELECT i, file, pos FROM ("
            f"SELECT g._space_i AS i, t.{FILE} AS file, t.{POS} AS pos, g.{WEIGHT} AS n, "
            "row_number() OVER (PARTITION BY g._space_i) AS nth "
            f"FROM ({self._stored(columns)}) AS t JOIN _space_gone AS g ON {same}) WHERE nth <= n"
        )

    def _match_floats(self) -> None:
        """Rows whose floating-point values were summed in another order are the same to 1e-9."""
        floats = [c for c in self.columns if c.type in (FLOAT, DOUBLE)]
        if not floats:
            return
        exact = [c for c in self.columns if c not in floats]
        near = " AND ".join(
            f"(t.{n} IS NOT DISTINCT FROM g.{n} OR abs(t.{n} - g.{n}) <= 1e-9 * greatest(abs(t.{n}), abs(g.{n}), 1e-9))"
            for n in (quote_identifier(c.name) for c in floats)
        )
        same = " AND ".join(part for part in (_same("t", "g", exact) if exact else "", near) if part)
        found = "SELECT i, count(*) AS n FROM _space_hits GROUP BY i"
        self.con.execute(
            f"CREATE TEMP TABLE _space_near AS SELECT g._space_i AS i, t.{FILE} AS file, t.{POS} AS pos, "
            f"g.{WEIGHT} - coalesce(h.n, 0) AS n FROM ({self._stored(self.columns)}) AS t "
            f"JOIN _space_gone AS g ON {same} LEFT JOIN ({found}) AS h ON h.i = g._space_i "
            f"WHERE g.{WEIGHT} > coalesce(h.n, 0) "
            f"AND NOT EXISTS (SELECT 1 FROM _space_hits AS x WHERE x.file = t.{FILE} AND x.pos = t.{POS})"
        )
        # Each row that goes takes one of those near it that no other took.
        while True:
            taken = self._count("SELECT count(*) FROM _space_hits")
            self.con.execute(
                "INSERT INTO _space_hits SELECT i, file, pos FROM ("
                "SELECT *, row_number() OVER (PARTITION BY file, pos ORDER BY i) AS first FROM ("
                "SELECT *, row_number() OVER (PARTITION BY i ORDER BY file, pos) AS nth FROM _space_near AS m "
                "WHERE NOT EXISTS (SELECT 1 FROM _space_hits AS x WHERE x.file = m.file AND x.pos = m.pos)"
                ") WHERE nth <= n - (SELECT count(*) FROM _space_hits AS h WHERE h.i = i)) WHERE first = 1"
            )
            if self._count("SELECT count(*) FROM _space_hits") == taken:
                return


def _keyed(schema: Schema) -> bool:
    """Whether the key is less than the whole row: a view without a key has all columns in it."""
    return len(schema.primary_keys) < len(schema.columns)


def _same(left: str, right: str, columns: Sequence[Column]) -> str:
    return " AND ".join(
        f"{left}.{n} IS NOT DISTINCT FROM {right}.{n}" for n in (quote_identifier(c.name) for c in columns)
    )
