"""How a logical type is carried in Parquet: physical types, the way back, and what is refused.

Parquet (or one of the writers and readers of it) has no exact place for some of DuckDB's types.
Those are carried as text that DuckDB itself writes and reads without loss, or as a wider type.

Source: docs/format.md, section "Types".
"""

from __future__ import annotations

from functools import lru_cache

from space_sql.format.types import (
    BIGINT,
    BIGNUM,
    BIT,
    BLOB,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    GEOMETRY,
    HUGEINT,
    INTEGER,
    INTERVAL,
    JSON,
    NULL,
    SMALLINT,
    TIME,
    TIME_NS,
    TIMESTAMP,
    TIMESTAMP_MS,
    TIMESTAMP_NS,
    TIMESTAMP_S,
    TIMESTAMPTZ,
    TIMETZ,
    TINYINT,
    UBIGINT,
    UHUGEINT,
    UINTEGER,
    USMALLINT,
    UTINYINT,
    UUID,
    VARCHAR,
    Array,
    List,
    Map,
    Scalar,
    Struct,
    Type,
    Union,
)

_NATIVE = frozenset(
    {BOOLEAN, TINYINT, SMALLINT, INTEGER, BIGINT, UTINYINT, USMALLINT, UINTEGER, UBIGINT}
    | {FLOAT, DOUBLE, VARCHAR, BLOB, UUID, JSON}
    | {DATE, TIME, TIME_NS, TIMESTAMP, TIMESTAMP_NS, TIMESTAMPTZ}
)
_CARRIERS: dict[Scalar, Scalar] = {
    TIMESTAMP_S: TIMESTAMP,
    TIMESTAMP_MS: TIMESTAMP,
    **dict.fromkeys((HUGEINT, UHUGEINT, BIGNUM, BIT, TIMETZ, INTERVAL, GEOMETRY, NULL), VARCHAR),
}
_OPAQUE = frozenset({TIMETZ, INTERVAL})
"""Arrow has no offset for a time, and a long interval overflows its nanoseconds without a word."""


def is_native(t: Scalar) -> bool:
    """Whether a scalar type is stored as itself."""
    return t in _NATIVE or t.decimal is not None


@lru_cache(maxsize=4096)
def physical(t: Type) -> Type:
    """The type that Parquet holds for a type that is not refused."""
    match t:
        case Scalar():
            return VARCHAR if t.base == "ENUM" else _CARRIERS.get(t, t)
        case Struct():
            return Struct(tuple((name, physical(field)) for name, field in t.fields))
        case List() | Array():
            return List(physical(t.element))
        case Map():
            return Map(physical(t.key), physical(t.value))
        case Union():
            return Union(tuple((name, physical(member)) for name, member in t.members))


def logical_projection(t: Type, expression: str) -> str:
    """SQL that turns a column's physical value into its logical one."""
    return expression if physical(t) == t else f"CAST({expression} AS {t})"


def physical_projection(t: Type, expression: str) -> str:
    """SQL that turns a logical value into its physical one."""
    return expression if physical(t) == t else f"CAST({expression} AS {physical(t)})"


@lru_cache(maxsize=4096)
def is_opaque(t: Type) -> bool:
    """Whether a type that Arrow loses is in the tree.

    Such a column must leave DuckDB as `physical_projection(t, column)`.
    """
    match t:
        case Scalar():
            return t in _OPAQUE
        case Struct():
            return any(is_opaque(field) for _, field in t.fields)
        case List() | Array():
            return is_opaque(t.element)
        case Map():
            return is_opaque(t.key) or is_opaque(t.value)
        case Union():
            return any(is_opaque(member) for _, member in t.members)


@lru_cache(maxsize=4096)
def refusal(t: Type) -> str | None:
    """Why a type cannot be stored and what to do instead; None when it can."""
    match t:
        case Scalar():
            return _refused_scalar(t)
        case Struct():
            return _refused_struct(t)
        case List() | Array():
            return refusal(t.element)
        case Map():
            return refusal(t.key) or refusal(t.value)
        case Union():
            return f"{t} cannot be stored: use a STRUCT with a field for each member, or to_json(…)"


def _refused_scalar(t: Scalar) -> str | None:
    if t in _NATIVE or t in _CARRIERS or t.values or t.decimal:
        return None
    if t.base == "VARIANT":
        return "VARIANT cannot be stored: CAST it to JSON"
    if t.base == "GEOMETRY":
        return f"{t} cannot be stored: CAST it to GEOMETRY and keep the coordinate system aside"
    if t.name == "TIMESTAMPTZ_NS":
        return "TIMESTAMPTZ_NS cannot be stored: CAST it to TIMESTAMP WITH TIME ZONE"
    return f"{t} cannot be stored: CAST it to a built-in type, such as VARCHAR or BLOB"


def _refused_struct(t: Struct) -> str | None:
    if not t.fields:
        return "a STRUCT without fields cannot be stored: give it a field, or use to_json(…)"
    if any(not name for name, _ in t.fields):
        return f"{t} has fields without names: name them, as in {{'a': 1, 'b': 2}}"
    if len(t.by_name) < len(t.fields):
        seen: set[str] = set()
        for name, _ in t.fields:
            if name.casefold() in seen:
                return f'the field "{name}" is there twice (names ignore case): rename one'
            seen.add(name.casefold())
    for name, field in t.fields:
        reason = refusal(field)
        if reason:
            return f'field "{name}": {reason}'
    return None
