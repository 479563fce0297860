"""What the page tells of datasets: the list, and one with its columns, refs and history."""

from __future__ import annotations

from typing import Any

import duckdb

from space_sql.dataset.dataset import open_dataset
from space_sql.errors import SpaceError
from space_sql.format.types import quote_literal
from space_sql.functions.info import describe
from space_sql.hosts.sandbox import Sandbox
from space_sql.serve.answer import kind

MOST_SNAPSHOTS = 1000
_LISTED = ("kind", "row_count", "column_count", "snapshot_id", "snapshot_time", "data_bytes", "record_bytes", "comment")


def listed(box: Sandbox) -> list[dict[str, Any]]:
    """Every dataset; one that cannot be read with its problem."""
    out: list[dict[str, Any]] = []
    for name, path in box.names().items():
        row: dict[str, Any] = {"name": name, "problem": None}
        try:
            told = describe(open_dataset(str(path)).view(), None)
            row |= {key: told[key] for key in _LISTED} | {"tags": told["tags"], "branches": told["branches"]}
        except SpaceError as error:
            row["problem"] = error.line
        out.append(row)
    return out


def detailed(box: Sandbox, name: str, version: str | None) -> dict[str, Any]:
    """A dataset as of a version: columns and counts, and the history of all branches, newest first."""
    dataset = box.dataset(name)
    view = dataset.view()
    snapshot_id = view.resolve(version)
    state = view.state(snapshot_id)
    literal = quote_literal(str(dataset.root))
    with box.cursor() as con:
        snapshots = _rows(
            con,
            f"SELECT * REPLACE (strftime(snapshot_time, '%Y-%m-%dT%H:%M:%SZ') AS snapshot_time) "
            f"FROM space_snapshots({literal}) LIMIT {MOST_SNAPSHOTS}",
        )
    return {
        "name": name,
        "version": version or "main",
        "snapshot_id": snapshot_id,
        "row_count": state.rows,
        "data_bytes": state.bytes,
        "data_files": len(state.files),
        "comment": state.schema.comment,
        "columns": [
            {
                "name": c.name,
                "type": str(c.type),
                "kind": "record" if c.record is not None else kind(str(c.type)),
                "primary_key": c.id in state.schema.primary_keys,
                "comment": c.comment,
            }
            for c in state.schema.columns
        ],
        "tags": dict(sorted(view.refs.tags.items())),
        "branches": dict(sorted(view.refs.branches.items())),
        "snapshots": snapshots,
        "snapshots_in_all": view.refs.snapshot_id + 1 - sum(last - first + 1 for first, last in view.refs.expired),
    }


def _rows(con: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    con.execute(query)
    names = [column[0] for column in con.description or []]
    return [dict(zip(names, row, strict=True)) for row in con.fetchall()]
