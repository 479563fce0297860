"""What DuckDB says of its functions."""

from __future__ import annotations

import re
from collections.abc import Iterable

from space_sql.dataset.engine import cursor

_TEXT = re.compile(r"'[^']*'")


def function_names(condition: str) -> frozenset[str]:
    """Names, in lower case, of the functions for which a condition on ``duckdb_functions()`` is true."""
    with cursor() as con:
        rows = con.execute(f"SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE {condition}").fetchall()
    return frozenset(name for (name,) in rows)


def with_macros(names: Iterable[str]) -> frozenset[str]:
    """These functions, and DuckDB's macros that name one of them, or a macro that does."""
    with cursor() as con:
        rows = con.execute(
            "SELECT lower(function_name), lower(macro_definition) FROM duckdb_functions() "
            "WHERE function_type = 'macro' AND internal"
        ).fetchall()
    found = set(names)
    macros = [(name, set(re.findall(r"\w+", _TEXT.sub("", text)))) for name, text in rows]
    while more := {name for name, words in macros if name not in found and words & found}:
        found |= more
    return frozenset(found)
