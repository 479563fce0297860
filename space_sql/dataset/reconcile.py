"""Reconcile: rows that come and rows that go, as one commit; what came from elsewhere is brought up to date by it."""

from __future__ import annotations

from dataclasses import replace

from space_sql.dataset.append import changed
from space_sql.dataset.dataset import View
from space_sql.dataset.engine import cursor
from space_sql.dataset.match import check_keys, merge_rows, staged
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
        root, sync = tip.view.dataset.root, self.session.sync
        schema = self.schema(tip)
        left = rebase(self.gone, tip, forgiving=True)
        deletes = [write_deletes(root, left, "delete", sync=sync)] if len(left) else []
        state = replace(tip.state.apply(draft(tip, self.operation, deletes_added=tuple(deletes))), schema=schema)
        state = replace(state, snapshot_id=tip.state.snapshot_id)
        added: tuple[DataFile, ...] = ()
        inserted = updated = 0
        if files:
            rows = staged(root, files, schema)
            if not self._checked:
                with cursor() as con:
                    check_keys(con, rows)
                self._checked = True
            merged = merge_rows(rows, state, sync=sync)
            added = (*merged.inserted, *merged.updated)
            inserted, updated = merged.rows_inserted, merged.rows_updated
            if not inserted and not updated:
                added = ()
            elif len(merged.replaced):
                deletes.append(write_deletes(root, merged.replaced, "update", sync=sync))
        if not inserted and not updated and not deletes:
            return None
        return draft(
            tip,
            self.operation,
            rows_inserted=inserted,
            rows_updated=updated,
            rows_deleted=len(left),
            files_added=added,
            deletes_added=tuple(deletes),
            schema=changed(schema, tip),
        )
