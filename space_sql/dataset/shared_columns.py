"""One column for the values of several versions: where a restore narrowed a type, the wider one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from space_sql.dataset.evolve import merge
from space_sql.errors import InvalidInputError
from space_sql.format.schema import Column, Schema


def wide_enough(column: Column, schemas: Iterable[Schema]) -> Column:
    """The column with a type that holds its values under all of the schemas.

    Raises:
        InvalidInputError: there is none without loss.
    """
    for schema in schemas:
        other = schema.by_id.get(column.id)
        if other is None or other.type == column.type:
            continue
        merged = merge(column.name, column.type, other.type, evolve=True, is_empty=lambda _: True)
        if merged.checks:
            raise InvalidInputError(
                f'column "{column.name}" is {column.type} in one of these versions and {other.type} in another: '
                "no type shows both exactly; compare versions between which it did not change"
            )
        if merged.type == other.type:
            column = replace(other, name=column.name)
        elif merged.type != column.type:
            column = replace(column, type=merged.type)
    return column
