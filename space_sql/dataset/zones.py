"""Whether what an expression gives depends on the session's time zone: some value in it is a time with a zone."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

from space_sql.dataset.deterministic import nodes_of, parsed_nodes
from space_sql.dataset.functions import function_names

_WRITTEN = re.compile(r"\b(TIME ZONE|TIMESTAMPTZ|TIMETZ|VARIANT)\b", re.IGNORECASE)
_PARSING = {"strptime", "try_strptime"}


def is_zoned(type_: str) -> bool:
    """Whether values of a type have a zone, or may: as DuckDB spells types."""
    return "WITH TIME ZONE" in type_ or "VARIANT" in type_


@lru_cache(maxsize=256)
def makes_zoned(query: str) -> bool:
    """Whether a query makes such values of others: by a cast, by a type in a text, or by a function."""
    if _WRITTEN.search(query):
        return True
    for call in parsed_nodes(query):
        name = str(call.get("function_name", "")).casefold()
        if name in _makers() or (name in _PARSING and ("%z" in query.casefold() or _from_columns(call))):
            return True
    return False


def _from_columns(call: dict[str, Any]) -> bool:
    """Whether a function's later arguments are more than constants."""
    given = call.get("arguments") or call.get("children") or []
    return any(part.get("class") == "COLUMN_REF" for part in nodes_of(given[1:]))


@cache
def _makers() -> frozenset[str]:
    """Names of the functions that return a time with a zone, and take none."""
    return function_names(
        "return_type LIKE '%WITH TIME ZONE%' "
        "AND NOT coalesce(array_to_string(parameter_types, ' ') LIKE '%WITH TIME ZONE%', false)"
    )
