"""space_refresh_history: what each refresh of a materialized view did."""

from __future__ import annotations

from typing import Any

from space_sql.dataset.session import Session
from space_sql.functions.table import table_sql, timestamp
from space_sql.views.watermark import refreshed

COLUMNS = {
    "snapshot_id": "BIGINT",
    "snapshot_time": "TIMESTAMPTZ",
    "operation": "VARCHAR",
    "policy": "VARCHAR",
    "sources": "STRUCT(path VARCHAR, from_snapshot BIGINT, to_snapshot BIGINT)[]",
    "rows_inserted": "BIGINT",
    "rows_updated": "BIGINT",
    "rows_deleted": "BIGINT",
    "rows_read": "BIGINT",
    "reason": "VARCHAR",
}


def read(session: Session, path: str | None) -> str:
    """SQL for the refreshes of the session's branch, newest first."""
    view = session.view(path)
    rows: list[dict[str, Any]] = []
    for commit, definition in refreshed(session, view):
        told = definition.refresh
        before = told.get("from") or {}
        sources = [
            {"path": s.folder(view.dataset.root), "from_snapshot": before.get(s.name), "to_snapshot": s.snapshot_id}
            for s in definition.sources
        ]
        rows.append(
            {
                **commit.summary(),
                "snapshot_time": timestamp(commit.time),
                "sources": sources,
                **{name: told.get(name) for name in ("policy", "rows_read", "reason")},
            }
        )
    return table_sql(COLUMNS, rows)
