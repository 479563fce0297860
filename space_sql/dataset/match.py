"""Finding staged rows among the stored ones by primary key, in the private engine.

Types are the stored ones throughout: what is compared is exactly what is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from space_sql.dataset.ascending import ascend
from space_sql.dataset.engine import cursor
from space_sql.dataset.rewrite import write_query
from space_sql.dataset.scan import FILE, POS, positions_sql, rows_sql, same_sql
from space_sql.errors import ConflictError, InvalidInputError
from space_sql.format.data_file import DataFile
from space_sql.format.schema import Column, Schema
from space_sql.format.state import State
from space_sql.format.types import Scalar, quote_identifier

POSITIONS = pa.schema([("file", pa.int64()), ("pos", pa.int64())])
_PRUNABLE = {
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "VARCHAR",
    "DATE",
}


@dataclass(frozen=True)
class Staged:
    """Staged data files and the dataset's columns that they hold."""

    root: Path
    files: tuple[DataFile, ...]
    columns: tuple[Column, ...]
    keys: tuple[Column, ...]

    def sql(self) -> str:
        """The staged rows with their positions; files are numbered -1, -2, …"""
        numbered = [replace(f, number=-1 - i) for i, f in enumerate(self.files)]
        return rows_sql(self.root, numbered, self.columns, logical=False, positions=True)


def staged(root: Path, files: Sequence[DataFile], schema: Schema) -> Staged:
    """Staged files read with a schema; columns that the schema no longer has are left out."""
    written = {i for f in files for i in f.columns}
    return Staged(root, tuple(files), tuple(c for c in schema.columns if c.id in written), schema.keys)


def candidates(rows: Staged, state: State) -> list[DataFile]:
    """The live files that can hold a staged key, by the bounds of the key columns."""
    return [f for f in state.files.values() if f.live and all(_overlap(f, rows, key) for key in rows.keys)]


def _overlap(file: DataFile, rows: Staged, key: Column) -> bool:
    if str(key.type) not in _PRUNABLE:
        return True
    stored = file.stats.get(key.id)
    if stored is None or stored[0] is None or stored[1] is None:
        return True
    for part in rows.files:
        given = part.stats.get(key.id)
        if given is None or type(given[0]) is not type(stored[0]) or given[1] is None:
            return True
        if given[0] <= stored[1] and stored[0] <= given[1]:
            return True
    return False


def _names(columns: Sequence[Column], table: str) -> str:
    return ", ".join(f"{table}.{quote_identifier(c.name)}" for c in columns)


def _keys_equal(keys: Sequence[Column]) -> str:
    """The join condition. Staged keys are not NULL, but a nested key may hold NULL, which = would not match."""
    equal = {k: "=" if isinstance(k.type, Scalar) else "IS NOT DISTINCT FROM" for k in keys}
    return " AND ".join(f"s.{quote_identifier(k.name)} {equal[k]} t.{quote_identifier(k.name)}" for k in keys)


def check_keys(con: duckdb.DuckDBPyConnection, rows: Staged) -> None:
    """Raise InvalidInputError for a NULL key or a key that the source repeats."""
    names = ", ".join(f'"{k.name}"' for k in rows.keys)
    for key in rows.keys:
        known = [f.stats[key.id][2] if key.id in f.stats else None for f in rows.files]
        if any(count is None for count in known):
            null = con.execute(
                f"SELECT 1 FROM ({rows.sql()}) WHERE {quote_identifier(key.name)} IS NULL LIMIT 1"
            ).fetchone()
            known = [1 if null else 0]
        if any(known):
            raise InvalidInputError(f'primary key column "{key.name}" is NULL in a source row; every row needs its key')
    if ascend(rows.root, rows.files, rows.keys[0]):
        return
    columns = _names(rows.keys, "s")
    twice = _first(con, f"SELECT {columns} FROM ({rows.sql()}) AS s GROUP BY {columns} HAVING count(*) > 1 LIMIT 1")
    if twice is not None:
        raise InvalidInputError(f"the source has the key {_shown(twice)} of {names} more than once")


def _first(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...] | None:
    """The first row, and no result left open."""
    rows = con.execute(sql).fetchall()
    return rows[0] if rows else None


def _shown(values: Sequence[object]) -> str:
    return ", ".join(repr(v) for v in values) if len(values) == 1 else f"({', '.join(repr(v) for v in values)})"


def refuse_existing(rows: Staged, state: State, *, appeared: bool, besides: pa.Table | None = None) -> None:
    """Raise when a staged key is stored, in rows other than those at the positions ``besides``.

    It is a conflict when the key ``appeared`` after the write began, else the input's fault.
    """
    files = candidates(rows, state)
    if not files:
        return
    with cursor() as con:
        con.register("_space_besides", pa.Table.from_batches([], POSITIONS) if besides is None else besides)
        stored = rows_sql(rows.root, files, rows.keys, logical=False, positions=True)
        found = _first(
            con,
            f"SELECT {_names(rows.keys, 's')} FROM ({rows.sql()}) AS s SEMI JOIN (FROM ({stored}) AS r "
            f"ANTI JOIN _space_besides AS b ON r.{FILE} = b.file AND r.{POS} = b.pos) AS t "
            f"ON {_keys_equal(rows.keys)} LIMIT 1",
        )
    if found is None:
        return
    names = ", ".join(f'"{k.name}"' for k in rows.keys)
    if appeared:
        raise ConflictError(f"the key {_shown(found)} of {names} was committed meanwhile; read again and retry")
    raise InvalidInputError(f"the key {_shown(found)} of {names} exists already; space_upsert replaces rows")


@dataclass(frozen=True)
class Merged:
    """What an upsert does: new files, and positions of the rows they replace."""

    inserted: tuple[DataFile, ...]
    updated: tuple[DataFile, ...]
    replaced: pa.Table

    @property
    def rows_inserted(self) -> int:
        """Rows whose key was new."""
        return sum(f.rows for f in self.inserted)

    @property
    def rows_updated(self) -> int:
        """Rows whose key existed and whose content changed."""
        return sum(f.rows for f in self.updated)


@contextmanager
def _hits(rows: Staged, state: State, files: Sequence[DataFile]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A cursor with the tables ``hits`` (staged and stored position, equal or not) and ``changed``."""
    compared = [c for c in rows.columns if c.id not in {k.id for k in rows.keys}]
    same = " AND ".join(same_sql(c, "s", "t") for c in compared) or "true"
    stored = rows_sql(rows.root, files, rows.columns, logical=False, positions=True, ignore_deletes=True)
    gone = positions_sql(rows.root, [d for f in files for d in f.deletes], [f.number for f in files])
    with cursor() as con:
        con.execute(
            f"CREATE TEMP TABLE found AS SELECT s.{FILE} AS sf, s.{POS} AS sp, t.{FILE} AS file, t.{POS} AS pos, "
            f"({same}) AS same FROM ({stored}) AS t JOIN ({rows.sql()}) AS s ON {_keys_equal(rows.keys)}"
        )
        # Few rows are found, many are stored: deleted ones are taken out here, not while reading.
        con.execute(f"CREATE TEMP TABLE hits AS FROM found ANTI JOIN ({gone}) AS g USING (file, pos)")
        con.execute(
            "CREATE TEMP TABLE changed AS SELECT sf, sp, min(struct_pack(file := file, pos := pos)) AS kept "
            "FROM hits GROUP BY sf, sp HAVING count(*) > 1 OR NOT bool_and(same)"
        )
        yield con


def _kept_record(column: Column) -> str:
    """The stored address where the record is the same, so that the staged one is not needed."""
    shown = quote_identifier(column.name)
    if column.record is None:
        return f"s.{shown}"
    return f"CASE WHEN {same_sql(column, 's', 't')} THEN t.{shown} ELSE s.{shown} END AS {shown}"


def merge_rows(rows: Staged, state: State, *, sync: bool) -> Merged:
    """Split staged rows into inserts and updates against a state, and write files where needed."""
    files = candidates(rows, state)
    if not files:
        return Merged(rows.files, (), pa.Table.from_batches([], POSITIONS))
    missing = [c for c in state.schema.columns if c.id not in {m.id for m in rows.columns}]
    with _hits(rows, state, files) as con:
        (found,) = _first(con, "SELECT count(DISTINCT (sf, sp)) FROM hits") or (0,)
        total = sum(f.rows for f in rows.files)
        if not found:
            return Merged(rows.files, (), pa.Table.from_batches([], POSITIONS))
        inserted: list[DataFile] = []
        if found < total:
            query = (
                f"SELECT {_names(rows.columns, 's')} FROM ({rows.sql()}) AS s "
                f"ANTI JOIN hits ON s.{FILE} = hits.sf AND s.{POS} = hits.sp"
            )
            inserted = write_query(con, rows.root, query, rows.columns, "insert", sync=sync, sources=rows.files)
        columns = [*rows.columns, *missing]
        query = f"SELECT {', '.join(map(_kept_record, rows.columns))}"
        tables = f"({rows.sql()}) AS s JOIN changed ON s.{FILE} = changed.sf AND s.{POS} = changed.sp"
        looked_up = [*missing, *(c for c in rows.columns if c.record is not None)]
        if looked_up:
            stored = rows_sql(rows.root, files, looked_up, logical=False, positions=True, ignore_deletes=True)
            query += "".join(f", t.{quote_identifier(c.name)}" for c in missing)
            tables += f" JOIN ({stored}) AS t ON t.{FILE} = changed.kept.file AND t.{POS} = changed.kept.pos"
        sources = [*rows.files, *files]
        updated = write_query(con, rows.root, f"{query} FROM {tables}", columns, "update", sync=sync, sources=sources)
        replaced = con.sql(
            "SELECT hits.file, hits.pos FROM hits SEMI JOIN changed ON hits.sf = changed.sf AND hits.sp = changed.sp"
        ).to_arrow_table()
    return Merged(tuple(inserted), tuple(updated), replaced.cast(POSITIONS))
