"""Upsert: rows whose key exists are replaced, the others added; equal rows are no change."""

from __future__ import annotations

from dataclasses import replace

from space_sql.dataset.append import Append, changed
from space_sql.dataset.engine import cursor
from space_sql.dataset.match import check_keys, merge_rows, staged
from space_sql.dataset.transact import Tip, draft
from space_sql.format.commit import Commit
from space_sql.format.data_file import DataFile
from space_sql.storage.parquet import write_deletes


class Upsert(Append):
    """Rows being upserted. Keys committed meanwhile count as existing: it never conflicts on rows."""

    operation = "upsert"
    need_keys = True
    _checked = False

    def build(self, tip: Tip, files: list[DataFile]) -> Commit | None:
        """What the staged rows change in this tip."""
        if not files:
            return None
        root = tip.view.dataset.root
        schema = self.schema(tip)
        rows = staged(root, files, schema)
        if not self._checked:
            with cursor() as con:
                check_keys(con, rows)
            self._checked = True
        sync = self.session.sync
        merged = merge_rows(rows, replace(tip.state, schema=schema), sync=sync)
        if not merged.rows_inserted and not merged.rows_updated:
            return None
        deletes = (write_deletes(root, merged.replaced, "update", sync=sync),) if len(merged.replaced) else ()
        return draft(
            tip,
            self.operation,
            rows_inserted=merged.rows_inserted,
            rows_updated=merged.rows_updated,
            files_added=(*merged.inserted, *merged.updated),
            deletes_added=deletes,
            schema=changed(schema, tip),
        )
