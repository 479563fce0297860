"""space_create: see space_sql.dataset.create."""

from __future__ import annotations

from dataclasses import dataclass

from space_sql.dataset.create import Create, Records, create_empty
from space_sql.dataset.rows import Rows
from space_sql.dataset.session import Session
from space_sql.dataset.source import source_query
from space_sql.dataset.transact import Options, Result
from space_sql.errors import InvalidInputError
from space_sql.format.records import record_options


def _names(given: object) -> list[str] | None:
    """A list of names from a list or one name."""
    if given is None:
        return None
    return [str(name) for name in given] if isinstance(given, list) else [str(given)]


def _records(fields: object, options: object) -> Records:
    """Record fields and their options, as SQL gives them."""
    given = {} if options is None else options
    if not isinstance(given, dict) or not all(isinstance(value, dict) for value in given.values()):
        raise InvalidInputError("record_options are written like {image: {group_size: 1, compression: 'none'}}")
    return Records(
        _names(fields) or [], {name.casefold(): record_options(name, value) for name, value in given.items()}
    )


def rows(
    session: Session,
    options: Options,
    path: str | None,
    columns: str | None,
    source: str | None,
    primary_keys: object,
    record_fields: object,
    record_options: object,
) -> Rows:
    """The rows to stage; none when the dataset starts empty."""
    if columns is not None and source is not None:
        raise InvalidInputError("give columns or source, not both")
    query = f"FROM {source_query(source)}" if source is not None else "SELECT NULL AS none WHERE false"
    return Rows(query, query)


@dataclass
class CreateEmpty:
    """A dataset to be created without rows."""

    takes_rows = True

    session: Session
    path: str | None
    options: Options
    columns: str | None
    primary_keys: list[str] | None
    records: Records

    def stage(self, rows: object) -> None:
        """There are none."""

    def commit(self) -> Result:
        """Create it."""
        return create_empty(self.session, self.path, self.options, self.columns, self.primary_keys, self.records)

    def abort(self) -> None:
        """Nothing is staged."""


def begin(
    session: Session,
    options: Options,
    source_type: str | None,
    path: str | None,
    columns: str | None,
    source: str | None,
    primary_keys: object,
    record_fields: object,
    record_options: object,
) -> Create | CreateEmpty:
    """The write that creates the dataset."""
    keys, records = _names(primary_keys), _records(record_fields, record_options)
    if source is None:
        return CreateEmpty(session, path, options, columns, keys, records)
    return Create(session, path, options, source_type, keys, records)
