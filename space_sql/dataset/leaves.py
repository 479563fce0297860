"""JSON inside columns, and which of it has no value yet.

A JSON leaf without a single value has no type of its own: DuckDB 1.5 reads a field of a JSON file
that is always null as JSON. Its first real value may still give it one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from space_sql.format.types import JSON, Array, List, Map, Scalar, Struct, Type, Union

if TYPE_CHECKING:
    import pyarrow.parquet as pq

LeafPath: TypeAlias = tuple[str, ...]
"""The column, then field names, `[]` for list elements, `{key}` and `{}` for a map's keys and values."""

ELEMENT = "[]"
KEY = "{key}"
VALUE = "{}"


def path_text(path: LeafPath) -> str:
    """The path as an error names it: `annotations[].result`."""
    text = path[0]
    for step in path[1:]:
        text += step if step in (ELEMENT, KEY, VALUE) else f".{step}"
    return text


@lru_cache(maxsize=4096)
def scalar_leaves(t: Type) -> tuple[Scalar, ...]:
    """The scalar types in a type's tree, each once."""
    match t:
        case Scalar():
            children: tuple[Type, ...] = ()
        case Struct():
            children = tuple(field for _, field in t.fields)
        case List() | Array():
            children = (t.element,)
        case Map():
            children = (t.key, t.value)
        case Union():
            children = tuple(member for _, member in t.members)
    leaves = [leaf for child in children for leaf in scalar_leaves(child)]
    return (t,) if isinstance(t, Scalar) else tuple(dict.fromkeys(leaves))


def json_leaves(t: Type, name: str) -> list[LeafPath]:
    """Paths of the JSON leaves of a column, in their order."""
    return [path for path, _ in _json_leaves(t, (name,), name)]


def empty_leaves(metadata: pq.FileMetaData, columns: Sequence[tuple[str, Type]]) -> list[LeafPath]:
    """JSON leaves without a value in a written file, told by its footer alone.

    A leaf that the footer says nothing about is not empty.
    """
    leaves = [leaf for name, type_ in columns for leaf in _json_leaves(type_, (name,), name)]
    if not leaves:
        return []
    paths = [metadata.schema.column(index).path for index in range(metadata.num_columns)]
    counts = Counter(paths)
    # Names may hold dots, so two columns can have one path: then it tells nothing.
    positions = {path: index for index, path in enumerate(paths) if counts[path] == 1}
    return [path for path, stored in leaves if stored in positions and _is_empty(metadata, positions[stored])]


def _is_empty(metadata: pq.FileMetaData, index: int) -> bool:
    for group in range(metadata.num_row_groups):
        chunk = metadata.row_group(group).column(index)
        statistics = chunk.statistics
        if statistics is None or not statistics.has_null_count or statistics.has_min_max:
            return False
        if statistics.null_count != chunk.num_values:
            return False
    return True


def _json_leaves(t: Type, path: LeafPath, stored: str) -> Iterator[tuple[LeafPath, str]]:
    """Leaves with the names that Parquet gives them."""
    match t:
        case Scalar():
            if t == JSON:
                yield path, stored
        case Struct():
            for name, field in t.fields:
                yield from _json_leaves(field, (*path, name), f"{stored}.{name}")
        case List() | Array():
            yield from _json_leaves(t.element, (*path, ELEMENT), f"{stored}.list.element")
        case Map():
            yield from _json_leaves(t.key, (*path, KEY), f"{stored}.key_value.key")
            yield from _json_leaves(t.value, (*path, VALUE), f"{stored}.key_value.value")
        case Union():
            return
