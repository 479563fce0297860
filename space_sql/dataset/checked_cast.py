"""SQL that turns values of one type into another, and fails where a value would change.

DuckDB's own CAST rounds 2.7 to 3, drops the zone of '2020-01-01 12:00+02' and forgets digits. Here
a value either survives exactly or the statement ends with an error that names column and value.
The pairs of types are those that `evolve.merge` accepts.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import count

from space_sql.dataset.leaves import ELEMENT, KEY, VALUE, LeafPath
from space_sql.dataset.numeric import holds, is_number
from space_sql.dataset.scalar_cast import checked, json_cast, no_cast, scalar_cast
from space_sql.errors import InvalidInputError
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

_MAX_LAMBDAS = 10
"""DuckDB's time to bind a lambda doubles with each one around it."""


def checked_cast(expression: str, source: Type, target: Type, column: str) -> str:
    """A SQL expression of the target type for one of the source type.

    Raises:
        InvalidInputError: the types do not go together at all.
    """
    if source == target:
        return expression
    # DuckDB 1.5 has no CASE over arrays: they are lists until the end.
    given, wanted = _listed(source), _listed(target)
    arrived = expression if given == source else f"CAST({expression} AS {given})"
    value = _Casting().cast(arrived, given, target, (column,))
    return value if wanted == target else f"CAST({value} AS {target})"


@lru_cache(maxsize=4096)
def _listed(t: Type) -> Type:
    """The type with lists in place of arrays."""
    match t:
        case Struct():
            return Struct(tuple((name, _listed(field)) for name, field in t.fields))
        case List() | Array():
            return List(_listed(t.element))
        case Map():
            return Map(_listed(t.key), _listed(t.value))
        case _:
            return t


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
        case List(), List():
            return _is_plain(source.element, target.element)
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
            return f"CAST({x} AS {_listed(target)})"
        if target == JSON:
            return f"to_json({x})"
        if source == JSON:
            return json_cast(x, _listed(target), path)
        match source, target:
            case Struct(), Struct():
                return self._struct(x, source, target, path)
            case Struct(), Map():
                return self._struct_to_map(x, source, target, path)
            case Map(), Map():
                return self._map(x, source, target, path)
            case List(), (List() | Array()):
                return self._list(x, source, target, path)
            case Scalar(), Scalar():
                return scalar_cast(x, source, target, path)
            case _:
                raise no_cast(source, target, path)

    def _lambda(self, path: LeafPath) -> str:
        nested = sum(step in (ELEMENT, KEY, VALUE) for step in path)
        if nested >= _MAX_LAMBDAS:
            raise InvalidInputError(
                f'column "{path[0]}" nests lists and maps more than {_MAX_LAMBDAS} levels deep: CAST it in the source'
            )
        return f"_space_v{next(self._names)}"

    def _struct(self, x: str, source: Struct, target: Struct, path: LeafPath) -> str:
        fields = []
        for name, type_ in target.fields:
            found = source.by_name.get(name.casefold())
            value = f"CAST(NULL AS {_listed(type_)})"
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
        entry = self._lambda(path)
        # A struct has all fields in every row, so a NULL there is a key that the row does not have.
        present = f"list_filter([{', '.join(entries)}], lambda {entry}: {entry}.value IS NOT NULL)"
        return f"CASE WHEN {x} IS NULL THEN NULL ELSE map_from_entries({present}) END"

    def _map(self, x: str, source: Map, target: Map, path: LeafPath) -> str:
        entry = self._lambda(path)
        key = self.cast(f"{entry}.key", source.key, target.key, (*path, KEY))
        value = self.cast(f"{entry}.value", source.value, target.value, (*path, VALUE))
        changed = f"lambda {entry}: {{'key': {key}, 'value': {value}}}"
        return f"map_from_entries(list_transform(map_entries({x}), {changed}))"

    def _list(self, x: str, source: List, target: List | Array, path: LeafPath) -> str:
        values = x
        if not _is_plain(source.element, target.element):
            element = self._lambda(path)
            changed = self.cast(element, source.element, target.element, (*path, ELEMENT))
            values = f"list_transform({x}, lambda {element}: {changed})"
        elif source.element != target.element:
            values = f"CAST({x} AS {_listed(List(target.element))})"
        if isinstance(target, List):
            return values
        return checked(x, values, f"len({x}) = {target.size}", target, path)
