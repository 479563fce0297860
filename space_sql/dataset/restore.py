"""Restore: a new snapshot whose content and schema equal an older one's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from space_sql.dataset.append import changed
from space_sql.dataset.check_sql import with_checks_of
from space_sql.dataset.dataset import View
from space_sql.dataset.difference import net_difference
from space_sql.dataset.engine import cursor
from space_sql.dataset.overwrite import check_unchanged
from space_sql.dataset.session import Session
from space_sql.dataset.shared_columns import wide_enough
from space_sql.dataset.transact import Options, Result, Tip, draft, transact
from space_sql.dataset.write import base_state
from space_sql.errors import InvalidInputError, StorageError
from space_sql.format.commit import Commit
from space_sql.format.schema import Schema
from space_sql.format.state import State


def restore(session: Session, view: View, options: Options, version: str | None) -> Result:
    """Bring a branch back to a version; its history stays."""
    if version is None:
        raise InvalidInputError("a version is required: a snapshot id, tag, branch or branch~N")
    target = view.resolve(version)
    base = base_state(session, view, options)

    def build(tip: Tip) -> Commit | None:
        check_unchanged(base, tip, "restore")
        tip.view.kept(target)
        wanted = _kept_checks(tip.view.state(target), tip.state.schema)
        now = tip.state.files
        removed = [f for n, f in now.items() if wanted.files.get(n) != f]
        added = [f for n, f in wanted.files.items() if now.get(n) != f]
        schema = changed(wanted.schema, tip)
        if not removed and not added and schema is None:
            return None
        try:
            inserted, deleted = _net_counts(tip, wanted)
        except (StorageError, InvalidInputError):  # nothing may stand in the way of leaving a damaged file
            inserted, deleted = sum(f.live for f in added), sum(f.live for f in removed)
        if not inserted and not deleted and schema is None:  # the same rows in other files
            return None
        return draft(
            tip,
            "restore",
            rows_inserted=inserted,
            rows_deleted=deleted,
            files_removed=tuple(f.number for f in removed),
            files_added=tuple(added),
            schema=schema,
            view=view_at(tip.view, target),
        )

    return transact(session, view, options, "restore", build)


def view_at(view: View, snapshot_id: int) -> dict[str, Any] | None:
    """The definition and source positions that a materialized view had; None for other datasets."""
    if view.commit(0).view is None:
        return None
    at: int | None = snapshot_id
    while at is not None:
        commit = view.commit(at)
        if commit.view is not None:
            return commit.view
        at = commit.parent_id
    return None


def _kept_checks(wanted: State, now: Schema) -> State:
    """The state to restore, as the log has it now: its columns, and the checks and the comment that stand."""
    return replace(wanted, schema=with_checks_of(now, wanted.schema))


def _net_counts(tip: Tip, wanted: State) -> tuple[int, int]:
    """How many rows a restore brings back, and how many it takes away."""
    root = tip.view.dataset.root
    counts = []
    columns = [wide_enough(c, [tip.state.schema]) for c in wanted.schema.columns]
    with cursor() as con:
        for here, there in ((wanted, tip.state), (tip.state, wanted)):
            rows = net_difference(root, here, there, columns)
            ((count,),) = con.execute(f"SELECT count(*) FROM ({rows})").fetchall()
            counts.append(int(count))
    return counts[0], counts[1]
