"""space_add_column: a new column at the end."""

from __future__ import annotations

from space_sql.dataset.columns import add_column
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Result
from space_sql.errors import InvalidInputError
from space_sql.format.records import RecordOptions, record_options


def apply(
    session: Session,
    options: Options,
    path: str | None,
    definition: str | None,
    record_field: bool | None,
    field_options: object,
) -> Result:
    """Commit it."""
    if field_options is not None and not isinstance(field_options, dict):
        raise InvalidInputError("record_options of one field are written like {group_size: 1, compression: 'none'}")
    if field_options is not None and not record_field:
        raise InvalidInputError("record_options are for a record field: give record_field => true too")
    record = None
    if record_field:
        record = record_options("the new field", field_options) if field_options is not None else RecordOptions()
    return add_column(session, session.view(path), options, definition, record)
