"""space_snapshots: the history of a dataset."""

from __future__ import annotations

from collections import defaultdict

from space_sql.dataset.session import Session
from space_sql.functions.table import table_sql, timestamp

COLUMNS = {
    "snapshot_id": "BIGINT",
    "snapshot_time": "TIMESTAMPTZ",
    "parent_id": "BIGINT",
    "merge_parent_id": "BIGINT",
    "branch": "VARCHAR",
    "operation": "VARCHAR",
    "rows_inserted": "BIGINT",
    "rows_updated": "BIGINT",
    "rows_deleted": "BIGINT",
    "author": "VARCHAR",
    "message": "VARCHAR",
    "tags": "VARCHAR[]",
}


def read(session: Session, path: str | None) -> str:
    """SQL for all snapshots that were not expired, newest first, with the tags that point at them."""
    view = session.view(path)
    tags: dict[int, list[str]] = defaultdict(list)
    for name, snapshot_id in sorted(view.refs.tags.items()):
        tags[snapshot_id].append(name)
    rows = (
        {**h, "snapshot_time": timestamp(h["time"]), "tags": tags.get(h["snapshot_id"], [])}
        for h in view.dataset.log.history()
        if view.shows(h["snapshot_id"]) and not view.refs.has_expired(h["snapshot_id"])
    )
    return table_sql(COLUMNS, rows)
