"""What a materialized view must hold: its query over the sources at the recorded versions, as a bag of rows."""

from __future__ import annotations

import math
from typing import Any

import duckdb

Rows = list[tuple[Any, ...]]
TOLERANCE = 1e-9


def difference(con: duckdb.DuckDBPyConnection, query: str, stored: str) -> str | None:
    """How the rows stored differ from those of a query; None when they are the same.

    Floating-point values may differ by one part in 10⁹, all else not at all.
    """
    con.execute(f"CREATE OR REPLACE TEMP TABLE wanted_ AS {query}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE stored_ AS {stored}")
    wanted, found = _columns(con, "wanted_"), _columns(con, "stored_")
    if [name for name, _ in wanted] != [name for name, _ in found]:
        return f"columns {found}, not {wanted}"
    for (name, kind), (_, other) in zip(wanted, found, strict=True):
        if kind != other and kind != '"NULL"':
            return f"column {name} has type {other}, not {kind}"
    missing = con.execute("FROM wanted_ EXCEPT ALL FROM stored_").fetchall()
    surplus = con.execute("FROM stored_ EXCEPT ALL FROM wanted_").fetchall()
    if not missing and not surplus:
        return None
    missing, surplus = unmatched(missing, surplus)
    if not missing and not surplus:
        return None
    return f"missing {_shown(missing)}, surplus {_shown(surplus)}"


def _columns(con: duckdb.DuckDBPyConnection, table: str) -> list[tuple[str, str]]:
    return [(name, kind) for name, kind, *_ in con.execute(f"DESCRIBE {table}").fetchall()]


def unmatched(missing: Rows, surplus: Rows) -> tuple[Rows, Rows]:
    """The rows of two bags that have no close partner in the other."""
    left = list(surplus)
    alone = []
    for row in missing:
        partner = next((i for i, other in enumerate(left) if all(map(close, row, other))), None)
        if partner is None:
            alone.append(row)
        else:
            left.pop(partner)
    return alone, left


def close(one: Any, other: Any) -> bool:
    """Whether values are equal, floating-point ones nearly."""
    if isinstance(one, float) and isinstance(other, float):
        if math.isnan(one) or math.isnan(other):
            return math.isnan(one) and math.isnan(other)
        return one == other or math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(close, one, other))
    return bool(one == other)


def _shown(rows: Rows) -> str:
    return f"{rows[:4]}" + (f" and {len(rows) - 4} more" if len(rows) > 4 else "")
