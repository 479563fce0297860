"""What the tests of types share: rows as they arrive from DuckDB, and files read back as the scan does."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from space_sql.dataset.convert import Converter, TargetColumn
from space_sql.format.carriers import is_opaque, logical_projection, physical, physical_projection
from space_sql.format.types import BIGINT, Struct, Type, parse_type, quote_literal

SETTINGS = {
    "default": (),
    "another zone": ("SET TimeZone = 'America/New_York'",),
    "large buffers": ("SET arrow_large_buffer_size = true",),
    "string views": ("SET produce_arrow_string_view = true", "SET arrow_output_version = '1.5'"),
    "list views": ("SET arrow_output_list_view = true",),
    "lossless": ("SET arrow_lossless_conversion = true",),
}
"""Settings of a caller's session that change how rows arrive."""


def connect(*settings: str) -> duckdb.DuckDBPyConnection:
    """A connection whose times are in UTC, unless a setting says otherwise."""
    con = duckdb.connect()
    for setting in ("SET TimeZone = 'UTC'", *settings):
        con.execute(setting)
    return con


def arriving(con: duckdb.DuckDBPyConnection, query: str) -> list[pa.StructArray]:
    """The rows of a query as a Python function gets them."""
    chunks: list[pa.StructArray] = []

    def stage(rows: pa.Array) -> pa.Array:
        chunks.extend(rows.chunks if isinstance(rows, pa.ChunkedArray) else [rows])
        return pa.array([1] * len(rows), pa.int32())

    con.create_function("stage", stage, None, "INTEGER", type="arrow", null_handling="special", side_effects=True)
    try:
        con.execute(f"SELECT sum(stage(_row)) FROM ({query}) AS _row").fetchall()
    finally:
        con.remove_function("stage")
    return chunks


def values_query(values: list[str], t: Type | str) -> str:
    """Rows `n, v` with the values, given as SQL, in their type."""
    rows = (f"SELECT {n} AS n, CAST({value} AS {t}) AS v" for n, value in enumerate(values))
    return " UNION ALL ".join(rows)


def converted(con: duckdb.DuckDBPyConnection, values: list[str], source: Type | str, target: Type | str) -> pa.Table:
    """The values as they are written into columns `n` (id 1) and `v` (id 7) of the target type."""
    given = parse_type(str(source))
    kept = parse_type(str(target))
    v = physical_projection(given, "v") if is_opaque(given) else "v"
    rows = arriving(con, f"SELECT n::BIGINT AS n, {v} AS v FROM ({values_query(values, given)})")
    converter = Converter(
        Struct((("n", BIGINT), ("v", given))),
        [TargetColumn("n", BIGINT, 1), TargetColumn("v", kept, 7)],
        carried={"v"} if is_opaque(given) else (),
    )
    return converter.convert(rows)


def written(path: Path, table: pa.Table) -> Path:
    """A data file with the table."""
    pq.write_table(table, path)
    return path


def scan(path: Path, t: Type | str) -> str:
    """A query for the columns of a file under the given type of `v`, whatever it was written with."""
    kept = parse_type(str(t))
    v = f"{{name: 'v', type: {quote_literal(str(physical(kept)))}, default_value: NULL}}"
    n = "{name: 'n', type: 'BIGINT', default_value: NULL}"
    return (
        f"SELECT n, {logical_projection(kept, 'v')} AS v FROM read_parquet([{quote_literal(str(path))}], "
        f"schema = MAP {{1: {n}, 7: {v}}}, hive_partitioning = false)"
    )


def shown(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple[str | None, str]]:
    """Text and type of the values of a query over `n, v`, in order."""
    return con.execute(f"SELECT v::VARCHAR, typeof(v) FROM ({query}) ORDER BY n").fetchall()
