"""Upsert: rows whose key exists are replaced, the others added; equal rows are no change."""

from __future__ import annotations

from dataclasses import replace

from space_sql.dataset.append import Append, changed
from space_sql.dataset.engine import cursor
from space_sql.dataset.match import check_keys, merge_rows, staged
from space_sql.dataset.transact import Tip, draft
from space_sql.format.commit import Commit
from space_sql.format.data_file import DataFile, DeleteFile
from space_sql.format.state import State
from space_sql.storage.parquet import write_deletes


class Upsert(Append):
    """Rows being upserted. Keys committed meanwhile count as existing: it never conflicts on rows."""

    operation = "upsert"
    need_keys = True
    _checked = False

    def build(self, tip: Tip, files: list[DataFile]) -> Commit | None:
        """What the staged rows change in this tip."""
        return self.put(tip, files, tip.state)

    def put(
        self, tip: Tip, files: list[DataFile], state: State, deletes: tuple[DeleteFile, ...] = (), gone: int = 0
    ) -> Commit | None:
        """What the staged rows change in a state: the tip's, without ``gone`` rows that ``deletes`` take away."""
        root, sync = tip.view.dataset.root, self.session.sync
        schema = self.schema(tip)
        inserted = updated = 0
        added: tuple[DataFile, ...] = ()
        if files:
            rows = staged(root, files, schema)
            if not self._checked:
                with cursor() as con:
                    check_keys(con, rows)
                self._checked = True
            merged = merge_rows(rows, replace(state, schema=schema), sync=sync)
            inserted, updated = merged.rows_inserted, merged.rows_updated
            if inserted or updated:
                added = (*merged.inserted, *merged.updated)
                if len(merged.replaced):
                    deletes = (*deletes, write_deletes(root, merged.replaced, "update", sync=sync))
        if not added and not deletes:
            return None
        return draft(
            tip,
            self.operation,
            rows_inserted=inserted,
            rows_updated=updated,
            rows_deleted=gone,
            files_added=added,
            deletes_added=deletes,
            schema=changed(schema, tip),
        )
