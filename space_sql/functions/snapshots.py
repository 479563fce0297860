"""space_snapshots: the history of a dataset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from space_sql.dataset.dataset import View
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
    kept = (h for h in entries(view) if not view.refs.has_expired(h["snapshot_id"]))
    return table_sql(COLUMNS, ({**h, "tags": tags.get(h["snapshot_id"], [])} for h in kept))


def entries(view: View) -> Iterator[dict[str, Any]]:
    """What the log says of each commit that the reader may know of, newest first."""
    for entry in view.dataset.log.history():
        if view.shows(entry["snapshot_id"]):
            yield {**entry, "snapshot_time": timestamp(entry["time"])}
