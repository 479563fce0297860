"""Overwrite: new content, same history. Rows that it never saw are not thrown away: that is a conflict."""

from __future__ import annotations

from space_sql.dataset.append import Append, changed
from space_sql.dataset.transact import Tip, draft
from space_sql.errors import ConflictError
from space_sql.format.commit import Commit
from space_sql.format.data_file import DataFile
from space_sql.format.state import State


class Overwrite(Append):
    """Rows that become the whole content."""

    operation = "overwrite"

    def build(self, tip: Tip, files: list[DataFile]) -> Commit | None:
        """The staged files in place of all others."""
        check_unchanged(self.base, tip, self.operation)
        rows = sum(file.rows for file in files)
        if not rows and not tip.state.rows:
            return None
        return draft(
            tip,
            self.operation,
            rows_inserted=rows,
            rows_deleted=tip.state.rows,
            files_removed=tuple(tip.state.files),
            files_added=tuple(files),
            schema=changed(self.schema(tip), tip),
        )


def check_unchanged(base: State, tip: Tip, operation: str) -> None:
    """Raise ConflictError when the rows changed since the write began."""
    if base.files != tip.state.files and not _only_rewritten(base, tip):
        raise ConflictError(
            f"{tip.branch} was changed to snapshot {tip.state.snapshot_id} since this {operation} began; "
            "read again and retry"
        )


def _only_rewritten(base: State, tip: Tip) -> bool:
    """Whether all commits since the base did was to put the same rows into other files."""
    if tip.view.dataset.log.state(base.snapshot_id).files != base.files:
        return False  # the base is what only a transaction sees
    at = tip.state.snapshot_id
    while at > base.snapshot_id:
        commit = tip.view.commit(at)
        if commit.files_removed or commit.files_added or commit.deletes_added or commit.parent_id is None:
            return False
        at = commit.parent_id
    return at == base.snapshot_id
