"""Values written under an older type of their column, read as its newer one.

DuckDB's Parquet reader casts a file's column to the type it is asked for, which is right for all
that `evolve.merge` allows but one: a STRUCT has every field in every row, so of a field that is
NULL it cannot tell whether the row had it. Cast to a MAP, each would become a key with NULL.
"""

from __future__ import annotations

from space_sql.dataset.checked_cast import checked_cast
from space_sql.format.carriers import logical_projection
from space_sql.format.types import Array, List, Map, Struct, Type


def reader_suffices(stored: Type, current: Type) -> bool:
    """Whether the reader's own cast is right: no STRUCT has become a MAP at any depth."""
    if stored == current:
        return True
    match stored, current:
        case Struct(), Map():
            return False
        case Struct(), Struct():
            return all(
                reader_suffices(type_, current.by_name[name.casefold()][1])
                for name, type_ in stored.fields
                if name.casefold() in current.by_name
            )
        case ((List() | Array()), (List() | Array())):
            return reader_suffices(stored.element, current.element)
        case Map(), Map():
            return reader_suffices(stored.key, current.key) and reader_suffices(stored.value, current.value)
        case _:
            return True


def upgraded(expression: str, stored: Type, current: Type, column: str) -> str:
    """SQL for a column's logical value of its current type.

    Args:
        expression: the column as the file has it, `physical(stored)`.
        stored: the logical type it was written under; `current`: the one it has now.
        column: its name, for errors.
    """
    return checked_cast(logical_projection(stored, expression), stored, current, column)
