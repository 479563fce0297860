"""Values of many types, each as SQL text and as what DuckDB gives back for it."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import duckdb
from hypothesis import strategies as st

Value = Any
"""A hashable form of a DuckDB value: see ``freeze``."""

POOLS: dict[str, tuple[str, ...]] = {
    "VARCHAR": ("''", "'cat'", "'Cat'", "'it''s; -- \"so\"'", "'naïve 🐈'", "e'two\\nlines'", "'NULL'"),
    "INTEGER": ("0", "1", "-1", "2147483647", "-2147483648", "7"),
    "BIGINT": ("0", "9223372036854775807", "-9223372036854775808", "4294967296"),
    "DOUBLE": ("0.0", "0.5", "'NaN'", "'inf'", "'-inf'", "-1e300", "5e-324"),
    "BOOLEAN": ("true", "false"),
    "DATE": ("'1970-01-01'", "'0044-03-15 (BC)'", "'9999-12-31'"),
    "TIMESTAMP": ("'1970-01-01'", "'1969-12-31 23:59:59.999999'", "'2262-04-12 01:02:03.000004'"),
    "DECIMAL(9,2)": ("0", "1.10", "-9999999.99"),
    "HUGEINT": ("0", "170141183460469231731687303715884105727", "-1"),
    "UUID": ("'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-4fff-bfff-ffffffffffff'"),
    "BLOB": ("''::BLOB", "'\\x00\\xFF'::BLOB", "'abc'::BLOB"),
    "VARCHAR[]": ("[]", "[NULL]", "['a', NULL, 'ü']", "['']"),
    "INTEGER[2]": ("[1, 2]", "[NULL, 2]"),
    "MAP(VARCHAR, INTEGER)": ("MAP {}", "MAP {'a': 1, 'b': NULL}"),
    "STRUCT(x DOUBLE, tags VARCHAR[])": (
        "{'x': NULL, 'tags': NULL}",
        "{'x': 1.5, 'tags': []}",
        "{'x': 'NaN', 'tags': ['a', NULL]}",
    ),
    "STRUCT(y INTEGER, z STRUCT(w VARCHAR))[]": (
        "[]",
        "[NULL]",
        "[{'y': 1, 'z': NULL}, {'y': NULL, 'z': {'w': ''}}]",
    ),
}


@dataclass(frozen=True)
class Literal:
    """A value as typed SQL text, and as DuckDB gives it back."""

    sql: str
    value: Value


def freeze(value: Any) -> Value:
    """A hashable value that equals another exactly when DuckDB holds them for not distinct."""
    if isinstance(value, float) and math.isnan(value):
        return "<NaN>"
    if isinstance(value, dict):
        return ("dict", *((freeze(k), freeze(v)) for k, v in value.items()))
    if isinstance(value, list | tuple):
        return ("list", *(freeze(item) for item in value))
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    return value


@functools.cache
def literal(type_: str, text: str | None) -> Literal:
    """A literal of a type; None is NULL."""
    sql = f"CAST({text or 'NULL'} AS {type_})"
    ((value,),) = duckdb.connect().execute(f"SELECT {sql}").fetchall()
    return Literal(sql, freeze(value))


def null(type_: str) -> Literal:
    """NULL of a type."""
    return literal(type_, None)


def text(value: str) -> Literal:
    """A VARCHAR literal."""
    quoted = value.replace("'", "''")
    return Literal(f"CAST('{quoted}' AS VARCHAR)", value)


def integer(value: int, type_: str = "BIGINT") -> Literal:
    """An integer literal."""
    return Literal(f"CAST({value} AS {type_})", value)


def values(type_: str, *, nulls: bool = True) -> st.SearchStrategy[Literal]:
    """Literals of a type, edge cases first."""
    pool = [literal(type_, item) for item in POOLS[type_]]
    found: st.SearchStrategy[Literal] = st.sampled_from([null(type_), *pool] if nulls else pool)
    if type_ == "VARCHAR":
        letters = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
        found = found | st.text(letters, max_size=8).map(text)
    return found
