"""space_lineage: the sources, their versions and the definition of a materialized view at each snapshot."""

from __future__ import annotations

from typing import Any

from space_sql.dataset.session import Session
from space_sql.functions.table import table_sql, timestamp
from space_sql.views.definition import Definition
from space_sql.views.watermark import watermark

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
    at: int | None = view.resolve(None, session.branch)
    watermark(view, at if at is not None else 0)
    rows: list[dict[str, Any]] = []
    while at is not None:
        commit = view.commit(at)
        if commit.view is not None and not view.refs.has_expired(at):
            definition = Definition.decode(commit.view)
            rows += [
                {
                    "snapshot_id": at,
                    "snapshot_time": timestamp(commit.time),
                    "source_path": source.folder(view.dataset.root),
                    "source_dataset_id": source.dataset_id,
                    "source_version": source.version or source.branch,
                    "source_snapshot_id": source.snapshot_id,
                    "definition": definition.sql,
                }
                for source in definition.sources
            ]
        at = commit.parent_id
    return table_sql(COLUMNS, rows)
