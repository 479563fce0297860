"""Reconcile: rows that come and rows that go, as one commit; what came from elsewhere is brought up to date by it."""

from __future__ import annotations

from dataclasses import replace

from space_sql.dataset.dataset import View
from space_sql.dataset.positions import Positions, rebase
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Tip, draft
from space_sql.dataset.upsert import Upsert
from space_sql.format.commit import Commit
from space_sql.format.data_file import DataFile
from space_sql.storage.parquet import write_deletes


class Reconcile(Upsert):
    """Rows being upserted while those at the positions ``gone`` leave.

    A row that goes and comes again under its key is a delete and an insert: another row, not a new version of it.
    """

    operation = "import"

    def __init__(
        self, session: Session, view: View, options: Options, source_type: str | None, gone: Positions
    ) -> None:
        self.gone = gone
        super().__init__(session, view, options, source_type)

    def build(self, tip: Tip, files: list[DataFile]) -> Commit | None:
        """What both change in this tip."""
        left = rebase(self.gone, tip, forgiving=True)
        if not len(left):
            return self.put(tip, files, tip.state)
        deletes = write_deletes(tip.view.dataset.root, left, "delete", sync=self.session.sync)
        rest = tip.state.apply(draft(tip, self.operation, deletes_added=(deletes,)))
        return self.put(tip, files, replace(rest, snapshot_id=tip.state.snapshot_id), (deletes,), len(left))
