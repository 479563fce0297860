"""Append: rows in, keys unchecked. Never loses against another writer."""

from __future__ import annotations

from space_sql.dataset.dataset import View
from space_sql.dataset.plan import rebase_schema
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Tip, draft
from space_sql.dataset.write import Write, start_staging
from space_sql.format.commit import Commit
from space_sql.format.data_file import DataFile
from space_sql.format.schema import Schema


class Append(Write):
    """Rows being appended."""

    operation = "append"
    need_keys = False

    def __init__(
        self, session: Session, view: View, options: Options, source_type: str | None, *, evolve: bool = False
    ) -> None:
        super().__init__(session, view, options)
        if self.repeat is None:
            self.base, plan = start_staging(self, source_type, evolve=evolve, need_keys=self.need_keys)
            self.planned = plan.schema

    def schema(self, tip: Tip) -> Schema:
        """The schema after this write on a tip; ConflictError when others changed the same columns."""
        return rebase_schema(self.base.schema, self.planned, tip.state.schema)

    def build(self, tip: Tip, files: list[DataFile]) -> Commit | None:
        """The staged files on top of whatever is there."""
        rows = sum(file.rows for file in files)
        if not rows:
            return None
        return draft(
            tip,
            self.operation,
            rows_inserted=rows,
            files_added=tuple(files),
            schema=changed(self.schema(tip), tip),
        )


def changed(schema: Schema, tip: Tip) -> Schema | None:
    """The schema when it differs from the tip's: only then a commit says it."""
    return schema if schema != tip.state.schema else None
