"""SQL that turns values of one type into another, and fails where a value would change.

DuckDB's own CAST rounds 2.7 to 3, drops the zone of '2020-01-01 12:00+02' and forgets digits. Here
a value either survives exactly or the statement ends with an error that names column and value.
The pairs of types are those that `evolve.merge` accepts.
"""

from __future__ import annotations

from itertools import count

from space_sql.dataset.leaves import ELEMENT, KEY, VALUE, LeafPath
from space_sql.dataset.numeric import holds, is_number
from space_sql.dataset.scalar_cast import checked, json_cast, no_cast, scalar_cast
from space_sql.format.types import (
    BIGNUM,
    JSON,
    NULL,
    UUID,
    VARCHAR,
    Array,
    List,
    Map,
    Scalar,
    Struct,
    Type,
    quote_identifier,
    quote_literal,
)


def checked_cast(expression: str, source: Type, target: Type, column: str) -> str:
    """A SQL expression of the target type for one of the source type.

    Raises:
        InvalidInputError: the types do not go together at all.
    """
    return _Casting().cast(expression, source, target, (column,))


def _is_plain(source: Type, target: Type) -> bool:
    """Whether DuckDB's CAST is exact for every value."""
    if source in (target, NULL):
        return True
    match source, target:
        case Scalar(), Scalar():
            if is_number(source) and is_number(target):
                return holds(target, source) and BIGNUM not in (source, target)
            return target == VARCHAR and bool(source.values or source == UUID)
        case Struct(), Struct():
            # DuckDB refuses to cast structs that have no field in common.
            return any(name.casefold() in source.by_name for name, _ in target.fields) and all(
                _is_plain(source.by_name[name.casefold()][1], field)
                for name, field in target.fields
                if name.casefold() in source.by_name
            )
        case ((List() | Array()), List()):
            return _is_plain(source.element, target.element)
        case Array(), Array():
            return source.size == target.size and _is_plain(source.element, target.element)
        case Map(), Map():
            return _is_plain(source.key, target.key) and _is_plain(source.value, target.value)
        case _:
            return False


class _Casting:
    def __init__(self) -> None:
        self._names = count()

    def cast(self, x: str, source: Type, target: Type, path: LeafPath) -> str:
        if source == target:
            return x
        if _is_plain(source, target):
            return f"CAST({x} AS {target})"
        if target == JSON:
            return f"to_json({x})"
        if source == JSON:
            return json_cast(x, target, path)
        match source, target:
            case Struct(), Struct():
                return self._struct(x, source, target, path)
            case Struct(), Map():
                return self._struct_to_map(x, source, target, path)
            case Map(), Map():
                return self._map(x, source, target, path)
            case ((List() | Array()), (List() | Array())):
                return self._list(x, source, target, path)
            case Scalar(), Scalar():
                return scalar_cast(x, source, target, path)
            case _:
                raise no_cast(source, target, path)

    def _lambda(self) -> str:
        return f"_space_v{next(self._names)}"

    def _struct(self, x: str, source: Struct, target: Struct, path: LeafPath) -> str:
        fields = []
        for name, type_ in target.fields:
            found = source.by_name.get(name.casefold())
            value = f"CAST(NULL AS {type_})"
            if found:
                value = f"struct_extract({x}, {quote_literal(found[0])})"
                value = self.cast(value, found[1], type_, (*path, name))
            fields.append(f"{quote_identifier(name)} := {value}")
        return f"CASE WHEN {x} IS NULL THEN NULL ELSE struct_pack({', '.join(fields)}) END"

    def _struct_to_map(self, x: str, source: Struct, target: Map, path: LeafPath) -> str:
        entries = []
        for name, type_ in source.fields:
            value = f"struct_extract({x}, {quote_literal(name)})"
            value = self.cast(value, type_, target.value, (*path, VALUE))
            entries.append(f"{{'key': {quote_literal(name)}, 'value': {value}}}")
        entry = self._lambda()
        # A struct has all fields in every row, so a NULL there is a key that the row does not have.
        present = f"list_filter([{', '.join(entries)}], lambda {entry}: {entry}.value IS NOT NULL)"
        return f"CASE WHEN {x} IS NULL THEN NULL ELSE map_from_entries({present}) END"

    def _map(self, x: str, source: Map, target: Map, path: LeafPath) -> str:
        entry = self._lambda()
        key = self.cast(f"{entry}.key", source.key, target.key, (*path, KEY))
        value = self.cast(f"{entry}.value", source.value, target.value, (*path, VALUE))
        changed = f"lambda {entry}: {{'key': {key}, 'value': {value}}}"
        return f"map_from_entries(list_transform(map_entries({x}), {changed}))"

    def _list(self, x: str, source: List | Array, target: List | Array, path: LeafPath) -> str:
        values = f"CAST({x} AS {List(source.element)})" if isinstance(source, Array) else x
        if not _is_plain(source.element, target.element):
            element = self._lambda()
            changed = self.cast(element, source.element, target.element, (*path, ELEMENT))
            values = f"list_transform({values}, lambda {element}: {changed})"
        if isinstance(target, List):
            return values
        fits = f"len({x}) = {target.size}"
        return checked(x, f"CAST({values} AS {target})", fits, target, path)
