"""A dataset's schema: columns with ids that outlive renames, and the primary key.

Source: docs/format.md, section "Schema".
"""

from __future__ import annotations

import secrets
import zlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from space_sql.errors import FormatError, InvalidInputError, NotFoundError, near
from space_sql.format.carriers import physical
from space_sql.format.names import check_column
from space_sql.format.records import ADDRESS, RECORD_TYPES, RecordOptions
from space_sql.format.shape import count, items, optional_text, text
from space_sql.format.types import BLOB, Array, List, Map, Struct, Type, parse_type

_VIRTUAL = {"filename", "file_index", "file_row_number", "rowid", "file_size", "file_last_modified"}
_FIRST_ADDED_ID = 1 << 20
_LAST_ADDED_ID = (1 << 31) - 1024


@dataclass(frozen=True)
class Column:
    """A column. ``id`` never changes; ``declared`` is true when a person wrote its type.

    ``earlier`` are the types with a STRUCT in them that the column had before: where such a STRUCT
    became a MAP, files of that time are read in their own type and converted. ``record`` is set for a record
    field: data files hold addresses in its place. ``comment`` is for people.
    """

    id: int
    name: str
    type: Type
    declared: bool = False
    earlier: tuple[Type, ...] = ()
    record: RecordOptions | None = None
    comment: str | None = None

    @property
    def stored_type(self) -> Type:
        """The type in data files."""
        return physical(self.type) if self.record is None else ADDRESS

    @property
    def stored_name(self) -> str:
        """The name in data files: the column's own, unless readers have a virtual column of that name."""
        return f"_space_c{self.id}" if self.name.casefold() in _VIRTUAL else self.name

    @cached_property
    def mark(self) -> tuple[int, int]:
        """Checksums of name and type: what a data file notes of the column it was written with."""
        return zlib.crc32(self.name.encode()), type_mark(self.type)

    def retyped(self, type_: Type) -> Column:
        """The column with another type."""
        known = self.earlier if self.type in self.earlier or not has_struct(self.type) else (*self.earlier, self.type)
        return replace(self, type=type_, earlier=known)

    def encode(self) -> dict[str, Any]:
        """The column as it stands in the log."""
        out: dict[str, Any] = {"id": self.id, "name": self.name, "type": str(self.type)}
        if self.declared:
            out["declared"] = True
        if self.earlier:
            out["earlier"] = [str(type_) for type_ in self.earlier]
        if self.comment is not None:
            out["comment"] = self.comment
        return out

    @staticmethod
    def decode(data: dict[str, Any]) -> Column:
        """Read a column from the log."""
        earlier = tuple(parse_type(text(t)) for t in items(data.get("earlier", ())))
        type_ = parse_type(text(data["type"]))
        declared, comment = bool(data.get("declared", False)), optional_text(data.get("comment"))
        return Column(count(data["id"]), text(data["name"]), type_, declared, earlier, comment=comment)


@dataclass(frozen=True)
class Check:
    """What rows must fulfil to be committed: a predicate that is not false, or a key that no other row has."""

    name: str
    predicate: str | None = None
    unique_key: bool = False

    def encode(self) -> dict[str, Any]:
        """The check as it stands in the log."""
        return (
            {"name": self.name, "unique_key": True}
            if self.unique_key
            else {"name": self.name, "predicate": self.predicate}
        )

    @staticmethod
    def decode(data: dict[str, Any]) -> Check:
        """Read a check from the log: its text is only looked at, never run."""
        check = Check(str(data["name"]), optional_text(data.get("predicate")), bool(data.get("unique_key", False)))
        if check.unique_key == (check.predicate is not None):
            raise ValueError(f"check {check.name!r} is neither a predicate nor one of the key")
        return check


def type_mark(type_: Type) -> int:
    """The CRC-32 of a type's text."""
    return zlib.crc32(str(type_).encode())


def has_struct(type_: Type) -> bool:
    """Whether there is a STRUCT in a type, at any depth."""
    match type_:
        case Struct():
            return True
        case List() | Array():
            return has_struct(type_.element)
        case Map():
            return has_struct(type_.key) or has_struct(type_.value)
        case _:
            return False


@dataclass(frozen=True)
class Schema:
    """Columns in order; ``primary_keys`` are column ids; ``checks`` are what new rows must fulfil."""

    columns: tuple[Column, ...]
    primary_keys: tuple[int, ...]
    checks: tuple[Check, ...] = ()
    comment: str | None = None

    @cached_property
    def by_id(self) -> dict[int, Column]:
        """Columns by id."""
        return {column.id: column for column in self.columns}

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """Columns by case-folded name."""
        return {column.name.casefold(): column for column in self.columns}

    @property
    def keys(self) -> tuple[Column, ...]:
        """The primary key's columns in their declared order."""
        return tuple(self.by_id[i] for i in self.primary_keys)

    @cached_property
    def records(self) -> tuple[Column, ...]:
        """The record fields."""
        return tuple(column for column in self.columns if column.record is not None)

    def column(self, name: str) -> Column:
        """The column of that name, ignoring case."""
        found = self.by_name.get(name.casefold())
        if found is None:
            names = [column.name for column in self.columns]
            raise NotFoundError(f'no column "{name}".{near(name, names)} Columns: {", ".join(names)}')
        return found

    def fresh_id(self) -> int:
        """An id for an added column: random, so that branches never give one id to two columns."""
        while True:
            candidate = _FIRST_ADDED_ID + secrets.randbelow(_LAST_ADDED_ID - _FIRST_ADDED_ID)
            if candidate not in self.by_id:
                return candidate

    def added(self, name: str, type_: Type, *, declared: bool) -> Schema:
        """The schema with a further column at the end."""
        return self.with_column(Column(self.fresh_id(), check_column(name), type_, declared))

    def with_column(self, column: Column) -> Schema:
        """The schema with a further column, whose id is given, at the end."""
        if column.name.casefold() in self.by_name:
            raise InvalidInputError(f'column "{column.name}" exists already')
        return replace(self, columns=(*self.columns, column))

    def replaced(self, column: Column) -> Schema:
        """The schema with one column (same id) exchanged."""
        return replace(self, columns=tuple(column if c.id == column.id else c for c in self.columns))

    def dropped(self, column: Column) -> Schema:
        """The schema without a column that is not part of the key."""
        if column.id in self.primary_keys:
            raise InvalidInputError(f'column "{column.name}" is part of the primary key and cannot be dropped')
        return replace(self, columns=tuple(c for c in self.columns if c.id != column.id))

    def encode(self) -> dict[str, Any]:
        """The schema as it stands in the log."""
        out: dict[str, Any] = {
            "columns": [column.encode() for column in self.columns],
            "primary_keys": list(self.primary_keys),
            "record_fields": [column.id for column in self.records],
        }
        options = {str(column.id): column.record.encode() for column in self.columns if column.record is not None}
        if options:
            out["record_options"] = options
        if self.checks:
            out["checks"] = [check.encode() for check in self.checks]
        if self.comment is not None:
            out["comment"] = self.comment
        return out

    @staticmethod
    def decode(data: dict[str, Any]) -> Schema:
        """Read a schema from the log."""
        try:
            schema = Schema(
                tuple(Column.decode(c) for c in items(data["columns"])),
                tuple(count(i) for i in items(data["primary_keys"])),
                tuple(Check.decode(c) for c in items(data.get("checks", ()))),
                optional_text(data.get("comment")),
            )
            options = data.get("record_options", {})
            for number in data["record_fields"]:
                column = schema.by_id[number]
                schema = schema.replaced(replace(column, record=RecordOptions.decode(options.get(str(number), {}))))
            if not schema.columns or not schema.primary_keys or any(i not in schema.by_id for i in schema.primary_keys):
                raise ValueError("columns or keys are missing")
            if len(schema.by_id) < len(schema.columns) or len(schema.by_name) < len(schema.columns):
                raise ValueError("two columns have one id or name")
            return schema
        except (LookupError, TypeError, ValueError, AttributeError, InvalidInputError) as error:
            raise FormatError(f"the commit log holds a schema that cannot be read: {error!r}") from error


def new_schema(columns: list[tuple[str, Type]], primary_keys: list[str], *, declared: bool) -> Schema:
    """A first schema from names and types; key names are matched ignoring case."""
    built: list[Column] = []
    for number, (name, type_) in enumerate(columns, 1):
        check_column(name)
        if any(name.casefold() == other.name.casefold() for other in built):
            raise InvalidInputError(f'column "{name}" is there twice (column names ignore case)')
        built.append(Column(number, name, type_, declared))
    schema = Schema(tuple(built), ())
    keys: list[int] = []
    for name in primary_keys:
        column = schema.by_name.get(name.casefold())
        if column is None:
            names = [c.name for c in built]
            raise InvalidInputError(
                f'primary key "{name}" is not a column.{near(name, names)} Columns: {", ".join(names)}'
            )
        if column.id in keys:
            raise InvalidInputError(f'primary key "{name}" is given twice')
        keys.append(column.id)
    if not keys:
        raise InvalidInputError(
            "primary_keys is required: primary_keys => ['id'] names the columns that identify a row"
        )
    return replace(schema, primary_keys=tuple(keys))


def with_records(schema: Schema, fields: list[str], options: dict[str, RecordOptions]) -> Schema:
    """The first schema with record fields; ``options`` by case-folded name."""
    for name in fields:
        column = schema.by_name.get(name.casefold())
        if column is None:
            names = [c.name for c in schema.columns]
            raise InvalidInputError(
                f'record field "{name}" is not a column.{near(name, names)} Columns: {", ".join(names)}'
            )
        if column.record is not None:
            raise InvalidInputError(f'record field "{name}" is given twice')
        if column.id in schema.primary_keys:
            raise InvalidInputError(
                f'column "{column.name}" cannot be a record field: it is part of the primary key, which is looked up '
                "without reading records"
            )
        if column.type not in RECORD_TYPES:
            raise InvalidInputError(
                f'record field "{column.name}" has type {column.type}; records are BLOB or VARCHAR: CAST it, '
                "or leave it an ordinary column"
            )
        chosen = options.get(name.casefold(), RecordOptions())
        if chosen.decoder not in (None, "json") and column.type != BLOB:
            raise InvalidInputError(
                f'record_options of "{column.name}": decode {chosen.decoder} is for BLOB, not for {column.type}'
            )
        schema = schema.replaced(replace(column, record=chosen))
    folded = {name.casefold() for name in fields}
    stray = next((name for name in options if name not in folded), None)
    if stray is not None:
        raise InvalidInputError(f'record_options names "{stray}", which is not among the record_fields')
    return schema
