"""Restore: a new snapshot whose content and schema equal an older one's."""

from __future__ import annotations

from space_sql.dataset.append import changed
from space_sql.dataset.dataset import View
from space_sql.dataset.overwrite import check_unchanged
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Result, Tip, draft, transact
from space_sql.dataset.write import base_state
from space_sql.errors import InvalidInputError
from space_sql.format.commit import Commit, DeleteFile


def restore(session: Session, view: View, options: Options, version: str | None) -> Result:
    """Bring a branch back to a version; its history stays."""
    if version is None:
        raise InvalidInputError("a version is required: a snapshot id, tag, branch or branch~N")
    wanted = view.state(view.resolve(version))
    base = base_state(session, view, options)

    def build(tip: Tip) -> Commit | None:
        check_unchanged(base, tip, "restore")
        now = tip.state.files
        removed = [f for n, f in now.items() if wanted.files.get(n) != f]
        added = [f for n, f in wanted.files.items() if now.get(n) != f]
        schema = changed(wanted.schema, tip)
        if not removed and not added and schema is None:
            return None
        shared = {f.number: f for f in removed}
        # A file on both sides differs in its deleted positions only: one side's are among the other's or apart.
        inserted = deleted = 0
        for file in added:
            other = shared.pop(file.number, None)
            common = _common(file.deletes, other.deletes) if other else 0
            inserted += (other.deleted - common) if other else file.live
            deleted += (file.deleted - common) if other else 0
        deleted += sum(f.live for f in shared.values())
        return draft(
            tip,
            "restore",
            rows_inserted=inserted,
            rows_deleted=deleted,
            files_removed=tuple(f.number for f in removed),
            files_added=tuple(added),
            schema=schema,
        )

    return transact(session, view, options, "restore", build)


def _common(some: tuple[DeleteFile, ...], others: tuple[DeleteFile, ...]) -> int:
    """How many deleted positions two lists of deletes share."""
    return sum(sum(d.targets.values()) for d in some if d in others)
