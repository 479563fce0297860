"""Insert: rows in, all or none; a key that exists or repeats is an error."""

from __future__ import annotations

from space_sql.dataset.append import Append
from space_sql.dataset.engine import cursor
from space_sql.dataset.match import check_keys, refuse_existing, staged
from space_sql.dataset.transact import Tip
from space_sql.format.commit import Commit, DataFile


class Insert(Append):
    """Rows being inserted."""

    operation = "insert"
    need_keys = True
    _first_tip: int | None = None

    def build(self, tip: Tip, files: list[DataFile]) -> Commit | None:
        """The staged files, once their keys are known to be new in this tip."""
        commit = super().build(tip, files)
        if commit is not None:
            rows = staged(tip.view.dataset.root, files, commit.schema or tip.state.schema)
            if self._first_tip is None:
                self._first_tip = tip.state.snapshot_id
                with cursor() as con:
                    check_keys(con, rows)
            refuse_existing(rows, tip.state, changed=tip.state.snapshot_id != self._first_tip)
        return commit
