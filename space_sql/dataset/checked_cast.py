"""SQL that turns values of one type into another, and fails where a value would change.

DuckDB's own CAST rounds 2.7 to 3, drops the zone of '2020-01-01 12:00+02' and forgets digits. Here
a value either survives exactly or the statement ends with an error that names column and value.
The pairs of types are those that `evolve.merge` accepts.
"""

from __future__ import annotations

from itertools import count

from space_sql.dataset.leaves import ELEMENT, KEY, VALUE, LeafPath, path_text
from space_sql.dataset.numeric import holds, is_number
from space_sql.dataset.text_forms import text_form
from space_sql.errors import InvalidInputError
from space_sql.format.types import (
    BIGNUM,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    HUGEINT,
    JSON,
    NULL,
    TIME,
    TIME_NS,
    TIMESTAMP,
    TIMESTAMP_MS,
    TIMESTAMP_NS,
    TIMESTAMP_S,
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

_TIMESTAMPS = (TIMESTAMP_S, TIMESTAMP_MS, TIMESTAMP, TIMESTAMP_NS)
_FLOATS = (FLOAT, DOUBLE)
_NS_RANGE = "BETWEEN '1677-09-22' AND '2262-04-11 23:47:16.854775'"
_SHOWN = 80


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
            return target == VARCHAR and source != JSON
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
            return _to_json(x, source)
        if source == JSON:
            return self._from_json(x, target, path)
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
                return self._scalar(x, source, target, path)
            case _:
                raise _no_cast(source, target, path)

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
        return _checked(x, f"CAST({values} AS {target})", fits, target, path)

    def _scalar(self, x: str, source: Scalar, target: Scalar, path: LeafPath) -> str:
        if is_number(source) and is_number(target):
            return _number(x, source, target, path)
        if target in _TIMESTAMPS and source in (*_TIMESTAMPS, DATE):
            return _timestamp(x, source, target, path)
        if {source, target} == {TIME, TIME_NS}:
            return _survives(x, f"TRY_CAST({x} AS {target})", source, target, path)
        if target == VARCHAR or (source.values and target.values):
            return _parsed(f"CAST({x} AS VARCHAR)", target, path)
        if source == VARCHAR:
            return _parsed(x, target, path)
        raise _no_cast(source, target, path)

    def _from_json(self, x: str, target: Type, path: LeafPath) -> str:
        kind = f"json_type({x})"
        text = f"CAST({x} AS VARCHAR)"
        cases = [f"WHEN {x} IS NULL OR {kind} = 'NULL' THEN NULL"]
        if target == VARCHAR:
            cases.append(f"WHEN {kind} = 'VARCHAR' THEN json_extract_string({x}, '$')")
        elif target == BOOLEAN:
            cases.append(f"WHEN {kind} = 'BOOLEAN' THEN {text} = 'true'")
        elif isinstance(target, Scalar) and is_number(target):
            whole = f"regexp_full_match({text}, '-?[0-9]{{1,38}}')"
            value = _number(f"TRY_CAST({text} AS HUGEINT)", HUGEINT, target, path)
            cases.append(f"WHEN {whole} THEN {value}")
            # More digits than a DOUBLE keeps would be dropped without a word.
            digits = r"-?0*([.]0*)?([0-9][.]?){1,17}([eE][-+]?[0-9]+)?"
            value = _number(f"TRY_CAST({text} AS DOUBLE)", DOUBLE, target, path)
            cases.append(
                f"WHEN {kind} = 'DOUBLE' AND regexp_full_match({text}, '{digits}') AND "
                f"NOT regexp_full_match({text}, '-?[0-9]+') AND "
                f"isfinite(TRY_CAST({text} AS DOUBLE)) THEN {value}"
            )
        elif isinstance(target, Scalar) and (text_form(target) or target.values):
            value = _parsed(f"json_extract_string({x}, '$')", target, path)
            cases.append(f"WHEN {kind} = 'VARCHAR' THEN {value}")
        failure = _error(text, target, path)
        return f"CAST(CASE {' '.join(cases)} ELSE {failure} END AS {target})"


def _to_json(x: str, source: Type) -> str:
    return f"to_json({x})" if source != NULL else "CAST(NULL AS JSON)"


def _number(x: str, source: Scalar, target: Scalar, path: LeafPath) -> str:
    """Numbers go through text where DuckDB's direct cast is inexact or missing."""
    if source == target:
        return x
    kinds = (source, target)
    if source == BIGNUM or (target == BIGNUM and source not in _FLOATS):
        text = True
    else:
        text = any(k in _FLOATS for k in kinds) and any(k.decimal for k in kinds)
    if not text:
        return _survives(x, f"TRY_CAST({x} AS {target})", source, target, path)
    value = f"TRY_CAST(CAST({x} AS VARCHAR) AS {target})"
    if source == BIGNUM and target not in _FLOATS:
        same = f"regexp_replace(CAST({value} AS VARCHAR), '[.]0*$', '') = CAST({x} AS VARCHAR)"
        return _checked(x, value, same, target, path)
    back = f"TRY_CAST(CAST({value} AS VARCHAR) AS {source})"
    if source == BIGNUM:
        back = f"TRY_CAST({value} AS {source})"
    return _checked(x, value, f"{back} = {x}", target, path)


def _timestamp(x: str, source: Scalar, target: Scalar, path: LeafPath) -> str:
    value = f"TRY_CAST({x} AS {target})"
    if target == TIMESTAMP_NS:
        # DuckDB 1.5 raises where TRY_CAST should give NULL.
        value = f"CASE WHEN {x} {_NS_RANGE} OR NOT isfinite({x}) THEN {value} END"
    return _survives(x, value, source, target, path)


def _survives(x: str, value: str, source: Type, target: Type, path: LeafPath) -> str:
    return _checked(x, value, f"TRY_CAST({value} AS {source}) = {x}", target, path)


def _parsed(x: str, target: Scalar, path: LeafPath) -> str:
    value = f"TRY_CAST({x} AS {target})"
    form = text_form(target)
    fits = f"{value} IS NOT NULL"
    if form:
        fits = f"regexp_full_match({x}, {quote_literal(form)}) AND {fits}"
    return _checked(x, value, fits, target, path)


def _checked(x: str, value: str, fits: str, target: Type, path: LeafPath) -> str:
    """The value where it fits; NULL stays NULL; anything else is an error."""
    failure = _error(f"CAST({x} AS VARCHAR)", target, path)
    return f"CASE WHEN {x} IS NULL THEN NULL WHEN {fits} THEN {value} ELSE {failure} END"


def _error(text: str, target: Type, path: LeafPath) -> str:
    start = quote_literal(f'column "{path_text(path)}": value ')
    shown = str(target)
    end = quote_literal(f" does not fit {shown if len(shown) <= _SHOWN else 'its type'} exactly")
    return f"error({start} || left({text}, {_SHOWN}) || {end})"


def _no_cast(source: Type, target: Type, path: LeafPath) -> InvalidInputError:
    return InvalidInputError(f'column "{path_text(path)}": {source} cannot become {target}')
