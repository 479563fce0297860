"""Delete: rows where a predicate is true, by position. Deletes of several writers unite."""

from __future__ import annotations

from space_sql.dataset.dataset import View
from space_sql.dataset.positions import rebase
from space_sql.dataset.rows import Rows
from space_sql.dataset.scan import rows_sql
from space_sql.dataset.session import Session
from space_sql.dataset.source import predicate_sql
from space_sql.dataset.staging import Staging
from space_sql.dataset.transact import Options, Tip, draft
from space_sql.dataset.write import Write, base_state
from space_sql.format.commit import Commit
from space_sql.format.data_file import DataFile
from space_sql.storage.parquet import write_deletes


def delete_query(session: Session, view: View, options: Options, predicate: str | None) -> Rows:
    """The query whose rows are the positions to delete; it runs in the caller's connection."""
    state = base_state(session, view, options)
    rows = rows_sql(view.dataset.root, list(state.files.values()), state.schema.columns, positions=True)
    query = f"SELECT _space_file, _space_pos FROM (\n{rows}\n) AS row_ WHERE {predicate_sql(predicate)}"
    return Rows(query, query)


class Delete(Write):
    """Rows being deleted: positions are staged."""

    operation = "delete"
    staging: Staging | None

    def __init__(self, session: Session, view: View, options: Options) -> None:
        super().__init__(session, view, options)
        if self.repeat is None:
            self.staging = Staging(view.dataset.root, self.change, None, (), positions=True)

    def build(self, tip: Tip, files: list[DataFile]) -> Commit | None:
        """The positions, less those that others deleted meanwhile."""
        assert self.staging is not None
        positions = rebase(self.staging.positions, tip, forgiving=True)
        if not len(positions):
            return None
        deletes = write_deletes(tip.view.dataset.root, positions, "delete", sync=self.session.sync)
        return draft(tip, self.operation, rows_deleted=len(positions), deletes_added=(deletes,))
