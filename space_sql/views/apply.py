"""Putting a delta on a view's stored rows: which positions go, which rows come, and which of both are updates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

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
        return apply_with(con, root, state, staged, sync=sync)


def apply_with(
    con: duckdb.DuckDBPyConnection, root: Path, state: State, staged: Sequence[DataFile] | str, *, sync: bool
) -> Applied:
    """The same with a connection, whose tables a query may read."""
    return _Apply(con, root, state, staged).run(sync=sync)


def grow(root: Path, state: State, rows: str, *, sync: bool) -> Applied:
    """Files for the rows of a query, all of which come; ``rows`` has their weights, all of them 1."""
    with cursor() as con:
        query = f"SELECT {stored_values(state.schema.columns)} FROM (\n{rows}\n)"
        files = write_query(con, root, query, state.schema.columns, "insert", sync=sync)
        return Applied(sum(f.rows for f in files), 0, 0, tuple(files), ())


def written(
    root: Path, gone: Mapping[str, pa.Table], come: Callable[[], Sequence[DataFile]], *, sync: bool
) -> tuple[tuple[DataFile, ...], tuple[DeleteFile, ...]]:
    """What ``come`` writes, and beside it files of the positions that go, by change type: disks sync both together."""
    with ThreadPoolExecutor(1, "space-deletes") as beside:
        jobs = [
            beside.submit(write_deletes, root, rows.cast(_POSITIONS), change, sync=sync)
            for change, rows in gone.items()
            if len(rows)
        ]
        files = tuple(come())
        return files, tuple(job.result() for job in jobs)


class _Apply:
    def __init__(
        self, con: duckdb.DuckDBPyConnection, root: Path, state: State, staged: Sequence[DataFile] | str
    ) -> None:
        self.con, self.root, self.state = con, root, state
        self.columns = state.schema.columns
        self.key = ""
        if isinstance(staged, str):
            rows = f"SELECT {stored_values(self.columns)}, {WEIGHT} FROM (\n{staged}\n)"
        else:
            numbered = [replace(f, number=-1 - i) for i, f in enumerate(staged)]
            rows = rows_sql(root, numbered, [*self.columns, WEIGHTS], logical=False)
        con.execute(f"CREATE TEMP TABLE _space_staged AS {rows}")

    def run(self, *, sync: bool) -> Applied:
        con, keys = self.con, self.state.schema.keys
        null = " OR ".join(f"{quote_identifier(c.name)} IS NULL" for c in keys) or "false"
        ((coming, most, often, gone, nulls),) = con.execute(
            f"SELECT count(*) FILTER ({WEIGHT} > 0), coalesce(max({WEIGHT}), 0), coalesce(max(abs({WEIGHT})), 0), "
            f"coalesce(-sum({WEIGHT}) FILTER ({WEIGHT} < 0), 0)::BIGINT, coalesce(bool_or({null}), false) "
            "FROM _space_staged"
        ).fetchall()
        # Only `=` lets the join skip row groups in which no row can go.
        self.key = _same("t", "g", keys) if nulls else _equal("t", "g", keys)
        pairs = 0
        if gone:
            con.execute(
                f"CREATE TEMP VIEW _space_gone AS SELECT * REPLACE (-{WEIGHT} AS {WEIGHT}), rowid AS _space_i "
                f"FROM _space_staged WHERE {WEIGHT} < 0"
            )
            self._find(gone)
            pairs = self._pair(often > 1) if coming and _keyed(self.state.schema) else 0
        gone_rows = self._gone_rows(pairs) if gone else {}
        files, deletes = written(self.root, gone_rows, lambda: self._coming(coming, pairs, most, sync=sync), sync=sync)
        inserted = sum(f.rows for f in files if f.change == "insert")
        deleted = {change: len(rows) for change, rows in gone_rows.items()}
        return Applied(inserted, deleted.get("update", 0), deleted.get("delete", 0), files, deletes)

    def _gone_rows(self, pairs: int) -> dict[str, pa.Table]:
        """The positions that go, by change type."""
        paired = "(i IN (SELECT _space_p FROM _space_pairs))::TINYINT" if pairs else "0::TINYINT"
        found = self.con.sql(f"SELECT file, pos, {paired} AS paired FROM _space_hits").to_arrow_table()
        rows, paired_rows = found.select(["file", "pos"]), pc.equal(found["paired"], 1)
        return {"delete": rows.filter(pc.invert(paired_rows)), "update": rows.filter(paired_rows)}

    def _coming(self, coming: int, pairs: int, most: int, *, sync: bool) -> list[DataFile]:
        """Files of all rows that come."""
        updates = "SELECT _space_r FROM _space_pairs"
        some = f"AND s.rowid IN ({updates})" if coming > pairs else ""
        files = self._come("update", some, most, sync=sync) if pairs else []
        if coming > pairs:
            rest = f"AND s.rowid NOT IN ({updates})" if pairs else ""
            files = [*self._come("insert", rest, most, sync=sync), *files]
        return files

    def _pair(self, often: bool) -> int:
        """Which rows come in the place of others; returns how many, 0 unless each has one counterpart at most.

        ``often``: some row comes or goes more than once.
        """
        same = _same("s", "g", self.state.schema.keys)
        self.con.execute(
            "CREATE TEMP TABLE _space_pairs AS SELECT s.rowid AS _space_r, g._space_i AS _space_p FROM "
            f"(SELECT *, rowid FROM _space_staged WHERE {WEIGHT} > 0) AS s JOIN _space_gone AS g ON {same}"
        )
        once = "count(*) = count(DISTINCT _space_r) AND count(*) = count(DISTINCT _space_p)"
        pairs = self._count(f"SELECT if({once}, count(*), 0) FROM _space_pairs")
        if pairs and often:
            many = (
                "SELECT count(*) FROM (SELECT unnest([_space_r, _space_p]) AS i FROM _space_pairs) AS p "
                f"JOIN _space_staged AS s ON s.rowid = p.i WHERE abs(s.{WEIGHT}) > 1"
            )
            pairs = 0 if self._count(many) else pairs
        return pairs

    def _come(self, change: str, where: str, most: int, *, sync: bool) -> list[DataFile]:
        """Files of the rows that come, as often as each does."""
        names = ", ".join(quote_identifier(c.name) for c in self.columns)
        often = f", range(s.{WEIGHT})" if most > 1 else ""
        query = f"SELECT {names} FROM _space_staged AS s{often} WHERE s.{WEIGHT} > 0 {where}"
        return write_query(self.con, self.root, query, self.columns, change, sync=sync)

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
                f"CREATE TEMP TABLE _space_hits AS SELECT g._space_i AS i, t.{FILE} AS file, t.{POS} AS pos "
                f"FROM ({self._stored(keys)}) AS t JOIN _space_gone AS g ON {self.key}"
            )
            if self._count(
                f"SELECT count(*) = {gone} AND count(DISTINCT i) = {gone} AND count(DISTINCT hash(file, pos)) = {gone} "
                "FROM _space_hits"
            ):
                return
        self.con.execute("CREATE OR REPLACE TEMP TABLE _space_hits (i BIGINT, file BIGINT, pos BIGINT)")
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


def stored_values(columns: Sequence[Column]) -> str:
    """Select items that give a query's values the form in which they are stored."""
    named = [(c, quote_identifier(c.name)) for c in columns]
    return ", ".join(f"{physical_projection(c.type, name)} AS {name}" for c, name in named)


def _keyed(schema: Schema) -> bool:
    """Whether the key is less than the whole row: a view without a key has all columns in it."""
    return len(schema.primary_keys) < len(schema.columns)


def _same(left: str, right: str, columns: Sequence[Column]) -> str:
    return " AND ".join(
        f"{left}.{n} IS NOT DISTINCT FROM {right}.{n}" for n in (quote_identifier(c.name) for c in columns)
    )


def _equal(left: str, right: str, columns: Sequence[Column]) -> str:
    """The same where nothing is NULL."""
    return " AND ".join(f"{left}.{n} = {right}.{n}" for n in (quote_identifier(c.name) for c in columns))
