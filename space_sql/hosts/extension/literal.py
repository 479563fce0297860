"""Path literals: telling `FROM 'ds'` from `FROM elsewhere.ds`, which DuckDB's replacement scan shows alike."""

from __future__ import annotations

import re

from space_sql.format.types import quote_literal

_TOKEN = re.compile(
    r"""--[^\n]* | /\*.*?\*/ | \s+  # left out
    | (?P<text>'(?:[^']|'')*')
    | (?P<name>(?:"(?:[^"]|"")*"|[^\W\d]\w*)(?:\s*\.\s*(?:"(?:[^"]|"")*"|[^\W\d]\w*))*)
    | (?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)
_PART = re.compile(r'"(?:[^"]|"")*"|\w+')
_BEFORE_TABLES = frozenset({"from", "join", "table", "describe", "desc", "summarize", "pivot", "unpivot"})


def read_path(query: str | None, name: str, sql: str) -> str:
    """``_space_path``: what a path without a folder stands for in a query: ``sql``, unless it was no path.

    When the query names such a table in a schema only, and there is none, DuckDB's own error says so.
    """
    qualified = _qualified(query or "", name)
    if qualified is None:
        return sql
    return f"SELECT * FROM ({sql}) WHERE true OR EXISTS (FROM pragma_table_info({quote_literal(qualified)}))"


def _qualified(query: str, name: str) -> str | None:
    """How a query mentions a table of this name; None when it does not, or also without a schema."""
    if not re.search(r'\.\s*"?' + re.escape(name.replace('"', '""')), query, re.IGNORECASE):
        return None
    found, before = None, ""
    for token in _TOKEN.finditer(query):
        kind, text = token.lastgroup, token[0]
        if kind is None:
            continue
        parts = _PART.findall(text) if kind == "name" else [text]
        last = parts[-1][1:-1].replace(parts[-1][0] * 2, parts[-1][0]) if parts[-1][0] in "\"'" else parts[-1]
        if kind != "other" and last.casefold() == name.casefold():
            if len(parts) == 1 and (before in _BEFORE_TABLES or before in {",", "("}):
                return None
            if len(parts) > 1 and before in _BEFORE_TABLES:
                found = ".".join(parts)
        before = text.casefold()
    return found
