"""Comments: what a dataset and its columns are, in words."""

from __future__ import annotations

from dataclasses import replace

from space_sql.dataset.columns import change_schema
from space_sql.dataset.dataset import View
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Result, find_repeat
from space_sql.format.schema import Schema


def set_comment(session: Session, view: View, options: Options, comment: str | None, column: str | None) -> Result:
    """Words for the dataset, or for a column; none take them away."""

    def change(schema: Schema) -> Schema:
        if column is None:
            return replace(schema, comment=comment or None)
        return schema.replaced(replace(schema.column(column), comment=comment or None))

    repeat = find_repeat(view.dataset, options)
    return repeat if repeat is not None else change_schema(session, view, options, "set_comment", change)
