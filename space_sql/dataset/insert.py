"""Insert: rows in, all or none; a key that exists or repeats is an error."""

from __future__ import annotations

from space_sql.dataset.append import Append
from space_sql.dataset.engine import cursor
from space_sql.dataset.match import check_keys, refuse_existing, staged
from space_sql.dataset.transact import Tip
from space_sql.format.commit import Commit
from space_sql.format.data_file import DataFile


class Insert(Append):
    """Rows being inserted."""

    operation = "insert"
    need_keys = True
    _checked = False

    def build(self, tip: Tip, files: list[DataFile]) -> Commit | None:
        """The staged files, once their keys are known to be new in this tip."""
        commit = super().build(tip, files)
        if commit is not None:
            rows = staged(tip.view.dataset.root, files, commit.schema or tip.state.schema)
            if not self._checked:
                with cursor() as con:
                    check_keys(con, rows)
                refuse_existing(rows, self.base, appeared=False)
                self._checked = True
            if tip.state.snapshot_id != self.base.snapshot_id:
                refuse_existing(rows, tip.state, appeared=True)
        return commit
