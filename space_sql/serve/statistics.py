"""Numbers and a histogram of one column of a version."""

from __future__ import annotations

from typing import Any

import duckdb

from space_sql.format.types import quote_identifier
from space_sql.hosts.sandbox import Sandbox
from space_sql.serve.answer import cell, kind
from space_sql.serve.browse import source

BINS = 24
_TOP = 8
_DAY = 24 * 3600 * 1_000_000


def statistics(box: Sandbox, name: str, version: str | None, column_name: str) -> dict[str, Any]:
    """Count, NULLs, distinct values (about), least, greatest and mean; a histogram, or the most frequent values.

    Of a record field, the sizes in bytes are counted.
    """
    dataset = box.dataset(name)
    view = dataset.view()
    column = view.state(view.resolve(version)).schema.column(column_name)
    type_, value = str(column.type), quote_identifier(column.name)
    if column.record is not None:
        type_, value = "BIGINT", f"struct_extract({value}, 'bytes')"
    read = f"(SELECT {value} AS v FROM {source(str(dataset.root), version, records='address')})"
    how = kind(type_)
    ordered = how in ("number", "time") or (how == "text" and not type_.startswith("ENUM"))
    spread = "count(DISTINCT v)" if how == "boolean" else "approx_count_distinct(CAST(v AS VARCHAR))"
    items = ["count(*)", "count(*) - count(v)", spread]
    items += [cell("min(v)", type_), cell("max(v)", type_)] if ordered else ["NULL", "NULL"]
    items.append("avg(v::DOUBLE)::VARCHAR" if how == "number" else "NULL")
    with box.cursor() as con:
        told = con.execute(f"SELECT {', '.join(items)} FROM {read}").fetchone() or (0,) * 6
        out = dict(zip(("count", "nulls", "distinct", "min", "max", "mean"), told, strict=True))
        out |= {"column": column.name, "kind": "record" if column.record is not None else how, "bins": [], "top": []}
        if how == "number" or type_.startswith(("TIMESTAMP", "DATE")):
            out["bins"] = _bins(con, read, type_)
        if not out["bins"] and how not in ("nested", "bytes"):
            out["top"] = _top(con, read, type_)
    return out


def _bins(con: duckdb.DuckDBPyConnection, read: str, type_: str) -> list[dict[str, Any]]:
    """Equally wide bins from the least to the greatest finite value; none where all are equal."""
    moment = kind(type_) != "number"
    number = "epoch_us(v::TIMESTAMP)::DOUBLE" if moment else "v::DOUBLE"
    finite = f"(SELECT {number} AS x FROM {read} WHERE v IS NOT NULL{' AND isfinite(v::TIMESTAMP)' if moment else ''})"
    low, high = con.execute(f"SELECT min(x), max(x) FROM {finite} WHERE isfinite(x)").fetchone() or (None, None)
    if low is None or not high > low or high - low == float("inf"):
        return []
    width = (high - low) / BINS
    place = f"least(greatest(floor((x - {low!r}) / {width!r}), 0), {BINS - 1})::INTEGER"
    counts = dict(con.execute(f"SELECT {place}, count(*) FROM {finite} WHERE isfinite(x) GROUP BY ALL").fetchall())

    def edge(at: float) -> str:
        if not moment:
            return f"{at:.6g}"
        text = str((con.execute(f"SELECT make_timestamp({round(at)})::VARCHAR").fetchone() or ("",))[0])
        return text[: 10 if width > _DAY / 4 else 19]

    edges = [edge(low + i * width) for i in range(BINS + 1)]
    return [{"from": edges[i], "to": edges[i + 1], "count": counts.get(i, 0)} for i in range(BINS)]


def _top(con: duckdb.DuckDBPyConnection, read: str, type_: str) -> list[dict[str, Any]]:
    """The most frequent values."""
    query = f"SELECT v, count(*) AS n FROM {read} WHERE v IS NOT NULL GROUP BY v ORDER BY n DESC, v LIMIT {_TOP}"
    found = con.execute(f"SELECT {cell('v', type_)}, n FROM ({query})").fetchall()
    return [{"value": value, "count": count} for value, count in found]
