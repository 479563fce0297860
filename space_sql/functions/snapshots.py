"""space_snapshots: the history of a dataset."""

from __future__ import annotations

from collections import defaultdict

import orjson

from space_sql.dataset.dataset import View
from space_sql.dataset.scan import file_list
from space_sql.dataset.session import Session
from space_sql.format.types import quote_literal
from space_sql.functions.table import table_sql

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
_TAGGED = {"_space_tagged": "BIGINT", "_space_tags": "VARCHAR[]"}
_EXPIRED = {"_space_first": "BIGINT", "_space_last": "BIGINT"}


def read(session: Session, path: str | None) -> str:
    """SQL for all snapshots that were not expired, newest first, with the tags that point at them."""
    view = session.view(path)
    tags: dict[int, list[str]] = defaultdict(list)
    for name, snapshot_id in sorted(view.refs.tags.items()):
        tags[snapshot_id].append(name)
    tagged = table_sql(_TAGGED, ({"_space_tagged": i, "_space_tags": names} for i, names in tags.items()))
    expired = table_sql(_EXPIRED, ({"_space_first": a, "_space_last": b} for a, b in view.refs.expired))
    rows = f"({_entries_sql(view)}) LEFT JOIN ({tagged}) ON _space_tagged = _space_id"
    if view.refs.expired:
        rows += f" ASOF LEFT JOIN ({expired}) ON _space_id >= _space_first"
        rows += " WHERE coalesce(_space_id > _space_last, true)"
    newest = f"SELECT _space_entry, _space_tags FROM {rows} ORDER BY _space_id DESC"
    return f"SELECT {_items('_space_entry')}, coalesce(_space_tags, []) AS tags FROM ({newest})"


def commits_sql(view: View) -> str:
    """SQL for each commit that the reader may know of, expired or not; the columns but for tags."""
    return f"SELECT {_items('_space_entry')} FROM ({_entries_sql(view)})"


def _entries_sql(view: View) -> str:
    """SQL for ``_space_id`` and ``_space_entry``, the summary as JSON: most are in checkpoints, which DuckDB reads."""
    loose, checkpoints = view.dataset.log.summaries()
    texts = ({"_space_id": entry["snapshot_id"], "_space_entry": orjson.dumps(entry).decode()} for entry in loose)
    rows = table_sql({"_space_id": "BIGINT", "_space_entry": "VARCHAR"}, texts)
    if checkpoints:
        source = f"read_parquet({file_list(view.dataset.root, checkpoints)}, hive_partitioning = false)"
        rows += f" UNION ALL SELECT id, payload FROM {source} WHERE kind = 'history'"
    made = "".join(f", {number}" for number in view.made if number > view.seen)
    return f"SELECT * FROM ({rows}) WHERE _space_id <= {view.seen} OR _space_id IN (-1{made})"


def _items(entry: str) -> str:
    """Select items of the columns, from a commit's summary."""
    types = {**{name: type_ for name, type_ in COLUMNS.items() if name != "tags"}, "time": "BIGINT"}
    types.pop("snapshot_time")
    told = f"from_json({entry}, {quote_literal(orjson.dumps(types).decode())})"
    items = []
    for name in COLUMNS:
        if name == "snapshot_time":
            moment = f"make_timestamp(struct_extract({told}, 'time'))"
            items.append(f"CAST(CAST({moment} AS VARCHAR) || '+00' AS TIMESTAMPTZ) AS snapshot_time")
        elif name != "tags":
            items.append(f"struct_extract({told}, '{name}') AS {name}")
    return ", ".join(items)
