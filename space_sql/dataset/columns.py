"""Schema changes by name: add, rename and drop a column. Old versions keep their schema."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from space_sql.dataset.create import declared_columns
from space_sql.dataset.dataset import View
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Result, Tip, draft, find_repeat, transact
from space_sql.dataset.write import base_state
from space_sql.errors import ConflictError, InvalidInputError
from space_sql.format.commit import Commit
from space_sql.format.names import check_column
from space_sql.format.records import RecordOptions
from space_sql.format.schema import Column, Schema, with_records


def add_column(
    session: Session, view: View, options: Options, definition: str | None, record: RecordOptions | None = None
) -> Result:
    """A new column at the end, NULL in the rows that are there; with ``record`` a record field."""
    columns = declared_columns(definition)
    if len(columns) != 1:
        raise InvalidInputError(f"space_add_column adds one column, like 'note VARCHAR'; found {len(columns)}")
    ((name, type_),) = columns
    repeat = find_repeat(view.dataset, options)
    if repeat is not None:
        return repeat
    schema = base_state(session, view, options).schema.added(name, type_, declared=True)
    if record is not None:
        schema = with_records(schema, [name], {name.casefold(): record})
    column = schema.columns[-1]
    return _change(session, view, options, "add_column", lambda schema: schema.with_column(column))


def rename_column(session: Session, view: View, options: Options, old: str | None, new: str | None) -> Result:
    """Another name for a column; its id and values stay."""
    new_name = check_column(new or "")
    repeat = find_repeat(view.dataset, options)
    if repeat is not None:
        return repeat
    column = base_state(session, view, options).schema.column(_given(old))

    def rename(schema: Schema) -> Schema:
        found = _same(schema, column)
        taken = schema.by_name.get(new_name.casefold())
        if taken is not None and taken.id != found.id:
            raise InvalidInputError(f'column "{taken.name}" exists already')
        return schema.replaced(replace(found, name=new_name))

    return _change(session, view, options, "rename_column", rename)


def drop_column(session: Session, view: View, options: Options, name: str | None) -> Result:
    """A column less; a later one of the same name is a new one."""
    repeat = find_repeat(view.dataset, options)
    if repeat is not None:
        return repeat
    column = base_state(session, view, options).schema.column(_given(name))
    return _change(session, view, options, "drop_column", lambda schema: schema.dropped(_same(schema, column)))


def _same(schema: Schema, column: Column) -> Column:
    """The column that was meant when the statement began, found by its id."""
    found = schema.column(column.name)
    if found.id != column.id:
        raise ConflictError(f'column "{column.name}" is another one since another commit; look again and retry')
    return found


def _given(name: str | None) -> str:
    if not name:
        raise InvalidInputError("a column name is required")
    return name


def _change(
    session: Session, view: View, options: Options, operation: str, change: Callable[[Schema], Schema]
) -> Result:
    def build(tip: Tip) -> Commit | None:
        schema = change(tip.state.schema)
        return draft(tip, operation, schema=schema) if schema != tip.state.schema else None

    return transact(session, view, options, operation, build)
