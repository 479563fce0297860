"""space_refresh_history: what each refresh of a materialized view did."""

from __future__ import annotations

from typing import Any

from space_sql.dataset.session import Session
from space_sql.functions.table import table_sql, timestamp
from space_sql.views.definition import Definition
from space_sql.views.watermark import watermark

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
    at: int | None = view.resolve(None, session.branch)
    watermark(view, at if at is not None else 0)
    rows: list[dict[str, Any]] = []
    while at is not None:
        commit = view.commit(at)
        if commit.view is not None and not view.refs.has_expired(at):
            definition = Definition.decode(commit.view)
            told = definition.refresh
            before = told.get("from") or {}
            rows.append(
                {
                    **commit.summary(),
                    "snapshot_time": timestamp(commit.time),
                    "policy": told.get("policy"),
                    "sources": [
                        {
                            "path": s.folder(view.dataset.root),
                            "from_snapshot": before.get(s.name),
                            "to_snapshot": s.snapshot_id,
                        }
                        for s in definition.sources
                    ],
                    "rows_read": told.get("rows_read"),
                    "reason": told.get("reason"),
                }
            )
        at = commit.parent_id
    return table_sql(COLUMNS, rows)
