"""space_info: a dataset in one row."""

from __future__ import annotations

from typing import Any

from space_sql.dataset.dataset import View
from space_sql.dataset.session import Session
from space_sql.format.paths import FORMAT_VERSION
from space_sql.functions.table import table_sql, timestamp

COLUMNS = {
    "path": "VARCHAR",
    "kind": "VARCHAR",
    "dataset_id": "VARCHAR",
    "format_version": "INTEGER",
    "branch": "VARCHAR",
    "snapshot_id": "BIGINT",
    "snapshot_time": "TIMESTAMPTZ",
    "row_count": "BIGINT",
    "column_count": "INTEGER",
    "primary_keys": "VARCHAR[]",
    "record_fields": "VARCHAR[]",
    "data_files": "BIGINT",
    "deleted_rows": "BIGINT",
    "data_bytes": "BIGINT",
    "record_files": "BIGINT",
    "record_bytes": "BIGINT",
    "snapshots": "BIGINT",
    "branches": "BIGINT",
    "tags": "BIGINT",
    "comment": "VARCHAR",
}


def describe(view: View, branch: str | None) -> dict[str, Any]:
    """The dataset's row, as of the head of a branch."""
    snapshot_id = view.resolve(None, branch)
    state = view.state(snapshot_id)
    schema = state.schema
    commit = view.dataset.log.commit(snapshot_id)
    return {
        "path": str(view.dataset.root),
        "kind": "dataset" if commit.view is None else "materialized view",
        "dataset_id": view.dataset.id,
        "format_version": FORMAT_VERSION,
        "branch": branch or "main",
        "snapshot_id": snapshot_id,
        "snapshot_time": timestamp(commit.time),
        "row_count": state.rows,
        "column_count": len(schema.columns),
        "primary_keys": [c.name for c in schema.keys],
        "record_fields": [c.name for c in schema.records],
        "data_files": len(state.files),
        "deleted_rows": sum(f.deleted for f in state.files.values()),
        "data_bytes": state.bytes,
        "record_files": len(state.records),
        "record_bytes": sum(record.bytes for record in state.records.values()),
        "snapshots": view.refs.snapshot_id + 1 - sum(last - first + 1 for first, last in view.refs.expired),
        "branches": len(view.refs.branches),
        "tags": len(view.refs.tags),
        "comment": schema.comment,
    }


def read(session: Session, path: str | None) -> str:
    """SQL for the one row."""
    return table_sql(COLUMNS, [describe(session.view(path), session.branch)])
