"""What the view functions tell, as the tests use it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from tests.concurrency.sql import call_sql, literal


@dataclass(frozen=True)
class Explained:
    """Whether a view refreshes incrementally: by which rules, or why not."""

    incremental: bool
    rules: tuple[str, ...]
    reason: str


def explained(con: duckdb.DuckDBPyConnection, view: str) -> Explained:
    """What ``space_explain_refresh`` says of a view, a query or the path of a materialized view."""
    rows = con.execute(f"SELECT operator, rule, reason FROM space_explain_refresh({literal(view)})").fetchall()
    reasons = [reason for _, _, reason in rows if reason is not None]
    rules = tuple(dict.fromkeys(f"{operator}: {rule}" for operator, rule, _ in rows))
    return Explained(not reasons, () if reasons else rules, "; ".join(reasons))


def history(con: duckdb.DuckDBPyConnection, path: Path) -> dict[int, dict[str, Any]]:
    """Of each snapshot of a view that has them, the names and versions of its sources; the newest first."""
    found: dict[int, dict[str, Any]] = {}
    rows = con.execute(
        f"SELECT snapshot_id, source_path, source_snapshot_id FROM {call_sql('space_lineage', path)} "
        "ORDER BY snapshot_id DESC"
    ).fetchall()
    for snapshot, source, version in rows:
        found.setdefault(snapshot, {})[Path(source).name] = version
    return found


def positions(con: duckdb.DuckDBPyConnection, path: Path) -> dict[str, Any]:
    """The versions of the sources that a view's newest snapshot was computed from."""
    return next(iter(history(con, path).values()), {})
