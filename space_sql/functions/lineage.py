"""space_lineage: the sources, their versions and the definition of a materialized view at each snapshot."""

from __future__ import annotations

from typing import Any

from space_sql.dataset.session import Session
from space_sql.functions.table import table_sql, timestamp
from space_sql.views.watermark import refreshed

COLUMNS = {
    "snapshot_id": "BIGINT",
    "snapshot_time": "TIMESTAMPTZ",
    "source_path": "VARCHAR",
    "source_dataset_id": "VARCHAR",
    "source_version": "VARCHAR",
    "source_snapshot_id": "BIGINT",
    "definition": "VARCHAR",
}


def read(session: Session, path: str | None) -> str:
    """SQL for one row a snapshot and source, newest first."""
    view = session.view(path)
    rows: list[dict[str, Any]] = [
        {
            "snapshot_id": commit.snapshot_id,
            "snapshot_time": timestamp(commit.time),
            "source_path": source.folder(view.dataset.root),
            "source_dataset_id": source.dataset_id,
            "source_version": source.version or source.branch,
            "source_snapshot_id": source.snapshot_id,
            "definition": definition.sql,
        }
        for commit, definition in refreshed(session, view)
        for source in definition.sources
    ]
    return table_sql(COLUMNS, rows)
