"""Results as the page shows them: text cells beside what kind of value they are."""

from __future__ import annotations

import io
from typing import Any

import duckdb

_LONGEST = 2000
_NUMBERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "BIGNUM"}
_NUMBERS |= {f"U{name}" for name in _NUMBERS}


def kind(type_: str) -> str:
    """How a value of a type is shown: number, boolean, time, bytes, nested or text."""
    base = type_.partition("(")[0]
    if type_.endswith("]") or base in ("STRUCT", "MAP", "UNION", "JSON"):
        return "nested"
    if base in _NUMBERS or base == "DECIMAL":
        return "number"
    if base.startswith(("TIMESTAMP", "DATE", "TIME")):
        return "time"
    return {"BOOLEAN": "boolean", "BLOB": "bytes", "BIT": "text"}.get(base, "text")


def described(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple[str, str]]:
    """Names and types of what a query gives."""
    return [(row[0], row[1]) for row in con.execute(f"DESCRIBE SELECT * FROM (\n{query}\n)").fetchall()]


def cell(expression: str, type_: str) -> str:
    """SQL for the text of a value; what is very long says how long it is."""
    if kind(type_) == "bytes":
        return f"octet_length({expression}) || ' bytes'"
    text = f"CAST({expression} AS VARCHAR)"
    if kind(type_) in ("number", "boolean", "time"):
        return text
    return (
        f"CASE WHEN length({text}) > {_LONGEST} THEN left({text}, {_LONGEST}) || ' … (' || length({text}) || "
        f"' characters)' ELSE {text} END"
    )


def table(con: duckdb.DuckDBPyConnection, query: str, limit: int) -> dict[str, Any]:
    """The first rows of a query: columns with name, type and kind; rows of text; whether there were more."""
    columns = described(con, query)
    names = [f"c{i}" for i in range(len(columns))]
    items = ", ".join(cell(name, type_) for name, (_, type_) in zip(names, columns, strict=True))
    rows = con.execute(f"SELECT {items} FROM (\n{query}\n) AS t({', '.join(names)}) LIMIT {limit + 1}").fetchall()
    return {
        "columns": [{"name": name, "type": type_, "kind": kind(type_)} for name, type_ in columns],
        "rows": rows[:limit],
        "more": len(rows) > limit,
    }


def arrow(con: duckdb.DuckDBPyConnection, query: str, limit: int) -> tuple[bytes, bool]:
    """The first rows as an Arrow IPC stream, with their own types; whether there were more."""
    import pyarrow as pa

    found: pa.Table = con.sql(f"SELECT * FROM (\n{query}\n) LIMIT {limit + 1}").to_arrow_table()
    kept = found.slice(0, limit)
    written = io.BytesIO()
    with pa.ipc.new_stream(written, kept.schema) as writer:
        writer.write_table(kept)
    return written.getvalue(), found.num_rows > limit
