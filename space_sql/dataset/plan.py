"""Matching a source's columns with a dataset's: by name, with the schema changes that it asks for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from space_sql.dataset.convert import Converter, TargetColumn
from space_sql.dataset.evolve import EXACT_DOUBLE, TIMESTAMP_RANGE, Check, merge
from space_sql.dataset.recording import Recorder, is_file_reference
from space_sql.errors import ConflictError, InvalidInputError, near
from space_sql.format.carriers import is_opaque, refusal
from space_sql.format.names import check_column
from space_sql.format.schema import Column, Schema
from space_sql.format.state import State
from space_sql.format.types import NULL, VARCHAR, Scalar, Struct, Type, parse_type

_BOUNDS: dict[str, tuple[Any, Any, str, str]] = {
    EXACT_DOUBLE: (-(1 << 53), 1 << 53, "DOUBLE", "integers up to 2^53"),
    TIMESTAMP_RANGE: ("0001-01-01", "9999-12-31", "TIMESTAMP", "years 1 to 9999"),
}


@dataclass(frozen=True)
class Plan:
    """How a source becomes rows of a dataset.

    ``columns`` are the dataset's columns that the source has, in the dataset's order, with the
    types that they are stored with; ``schema`` is the schema after the write.
    """

    schema: Schema
    columns: tuple[Column, ...]
    source: Struct

    def converter(self, carried: frozenset[str] = frozenset(), recorder: Recorder | None = None) -> Converter:
        """What turns the source's Arrow rows into stored columns, but for those that a recorder takes as they are."""
        taken = recorder.taken if recorder is not None else frozenset()
        targets = [TargetColumn(c.name, c.type, c.id) for c in self.columns if c.id not in taken]
        return Converter(self.source, targets, carried=carried)

    def recorder(
        self,
        root: Path,
        base: State,
        *,
        moved: Collection[int] = (),
        compared: Collection[Column] = (),
        sync: bool,
    ) -> Recorder | None:
        """What takes the source's record fields, if it has any; see ``Recorder``."""
        if not any(c.record is not None for c in self.columns):
            return None
        return Recorder(root, self.source, self.columns, base.records, moved=moved, compared=compared, sync=sync)


def source_struct(text: str | None) -> Struct:
    """The source's columns from DuckDB's text of a whole row's type; reserved names are refused."""
    type_ = parse_type(text or "")
    if not isinstance(type_, Struct):
        raise InvalidInputError(f"the source must have columns with names, not one value of type {type_}")
    for name, _ in type_.fields:
        check_column(name)
    return type_


def new_columns(source: Struct) -> list[tuple[str, Type]]:
    """The columns of a dataset that is created from a source; unstorable types are refused by name."""
    for name, type_ in source.fields:
        check_storable(name, type_)
    return list(source.fields)


def check_storable(name: str, type_: Type) -> None:
    """Raise InvalidInputError for a type that a dataset cannot keep exactly."""
    if is_file_reference(type_):
        raise InvalidInputError(f'column "{name}" is no record field: space_file(…) is only for those')
    reason = refusal(type_)
    if reason:
        raise InvalidInputError(f'column "{name}" has type {type_}: {reason}')


def check_arriving(name: str, type_: Type, before: str = "") -> None:
    """Raise InvalidInputError for a new type that cannot be kept, or that Arrow would change on the way.

    ``before`` is what must be run before the column can be added with that type.
    """
    check_storable(name, type_)
    if is_opaque(type_):
        raise InvalidInputError(
            f'column "{name}" has type {type_}, which a source can only hand over to a column that has it already: '
            f"run {before}space_add_column(path, '{name} {type_}') first (or space_create with columns => '…')"
        )


def plan(state: State, source: Struct, *, evolve: bool) -> Plan:
    """Match a source with the dataset as it stands; extra columns are an error unless ``evolve``."""
    schema = state.schema
    for name, type_ in source.fields:
        column = schema.by_name.get(name.casefold())
        if column is None:
            schema = _added(schema, name, type_, evolve=evolve)
            continue
        if is_file_reference(type_):
            if column.record is None:
                check_storable(column.name, type_)
            continue
        merged = merge(column.name, column.type, type_, evolve=evolve, is_empty=emptiness(state, column))
        if merged.type != column.type:
            if column.record is not None:
                raise InvalidInputError(
                    f'column "{column.name}" is a record field of type {column.type} and cannot become {merged.type}; '
                    "CAST the source's column"
                )
            check_arriving(column.name, merged.type, f"space_drop_column(path, '{column.name}') and ")
            check_exact(state, column, merged.checks)
            schema = schema.replaced(column.retyped(merged.type))
    given = {name.casefold() for name, _ in source.fields}
    return Plan(schema, tuple(c for c in schema.columns if c.name.casefold() in given), source)


def _added(schema: Schema, name: str, type_: Type, *, evolve: bool) -> Schema:
    if not evolve:
        names = [c.name for c in schema.columns]
        raise InvalidInputError(
            f'the source has a column "{name}" that the dataset has not.{near(name, names)} '
            "Leave it out, add it with space_add_column, or pass evolve => true"
        )
    check_arriving(name, type_)
    return schema.added(name, type_, declared=False)


def emptiness(state: State, column: Column) -> Callable[[tuple[str, ...]], bool]:
    """Whether a JSON leaf of a column has no value in any live file, so that it has no type yet."""
    files = [f for f in state.files.values() if column.id in f.columns and f.live]
    if column.declared or not files:
        return lambda path: False
    empty = [set(f.empty) for f in files]
    return lambda path: all((str(column.id), *path[1:]) in leaves for leaves in empty)


def check_exact(state: State, column: Column, checks: Sequence[Check]) -> None:
    """Raise unless every stored value is one of the wider type exactly, as the files' statistics tell."""
    for check in checks:
        low_bound, high_bound, new, exactly = _BOUNDS[check.kind]
        for file in state.files.values():
            if column.id not in file.columns or not file.live:
                continue
            low, high, nulls = file.stats.get(column.id, [None, None, None])
            if len(check.path) == 1 and nulls == file.rows:
                continue
            exact = type(low) is type(high) is type(low_bound) and low_bound <= low <= high <= high_bound
            if len(check.path) > 1 or not exact:
                raise InvalidInputError(
                    f'column "{".".join(check.path)}" cannot become {new}: some stored value is beyond what '
                    f"{new} holds exactly ({exactly}), or the range is not known; CAST the source's column instead"
                )


def rebase_schema(base: Schema, mine: Schema, tip: Schema) -> Schema:
    """My schema change put on a schema that others changed meanwhile; ConflictError when both touched one column."""
    if mine in (base, tip):
        return tip
    if tip == base:
        return mine
    out = tip
    for column in mine.columns:
        before = base.by_id.get(column.id)
        if before == column:
            continue
        now = tip.by_id.get(column.id)
        taken = tip.by_name.get(column.name.casefold())
        if before is None and taken is None:
            out = replace(out, columns=(*out.columns, column))
        elif before is not None and now == before:
            out = out.replaced(column)
        elif now != column:
            raise ConflictError(f'column "{column.name}" was changed by another commit; try again')
    return out


def carried_columns(schema: Schema, fields: Sequence[tuple[str, Type]]) -> frozenset[str]:
    """Names of the source's columns that arrive in stored form because Arrow would change them.

    DuckDB casts these itself, without our rules, so they must have the column's own type already, or
    be text that is read as that type.
    """
    carried = set()
    for name, type_ in fields:
        column = schema.by_name.get(name.casefold())
        if column is None or not is_opaque(column.type):
            continue
        if type_ not in (column.type, NULL) and not (type_ == VARCHAR and isinstance(column.type, Scalar)):
            raise InvalidInputError(
                f'column "{column.name}" has type {column.type} and the source\'s {type_}; CAST it in the source'
            )
        carried.add(name)
    return frozenset(carried)
