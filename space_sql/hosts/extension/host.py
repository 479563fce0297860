"""The extension's Python side: what it declares to DuckDB, as text and callables that C reads.

Source: docs/adr/009-extension.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from space_sql.errors import InvalidInputError
from space_sql.format.types import quote_identifier, quote_literal
from space_sql.functions.calls import FUNCTIONS
from space_sql.hosts.python import macros

_DATABASES = ("space", "space_sql")
"""Names for the database in memory that keeps the macros; the second when the first is taken."""

_LETTERS = {"VARCHAR": "T", "BIGINT": "I", "BOOLEAN": "B"}
_CREATE = re.compile(r"CREATE OR REPLACE TEMP MACRO (\w+)\s*\(([^)]*)\)")
_HELPER = re.compile(r"\b_space_(?:session|write|change)\(")
_CONNECTION = (
    "CREATE OR REPLACE MACRO {0}._space_connection() AS "
    "_space_instance() * 4294967296 + current_connection_id()::BIGINT"
)


def functions() -> list[tuple[str, str, str, str, Callable[..., Any]]]:
    """Name, a letter for each parameter, one for the result, V when volatile, and what to call."""
    return [
        (
            function.name,
            "*" if function.parameters is None else "".join(_LETTERS[p] for p in function.parameters),
            _LETTERS[function.returns],
            "V" if function.volatile else "",
            _over_pointers(function.call) if function.parameters is None else function.call,
        )
        for function in FUNCTIONS
    ]


def _over_pointers(call: Callable[..., Any]) -> Callable[[int, int, int, int], None]:
    """A function of Arrow arrays as one of addresses: where a struct array of them is, and where the result goes."""

    def over(array: int, schema: int, answer_array: int, answer_schema: int) -> None:
        import pyarrow as pa

        columns = pa.RecordBatch._import_from_c(array, schema).columns
        call(*columns)._export_to_c(answer_array, answer_schema)

    return over


def script(databases: str, kept: str) -> tuple[str, str]:
    """Which database keeps the macros, and the SQL that puts them there, and into the main database.

    Args:
        databases: a line for each database: ``w`` or ``r`` before the name of the main one, as it can be written or
            only read, and ``-`` before the others.
        kept: what ``_space_macros()`` says in the main database: which macros it has.
    """
    names = {line[1:]: line[0] for line in databases.split("\n")}
    name = next((name for name in _DATABASES if name.casefold() not in {n.casefold() for n in names}), None)
    if name is None:
        raise InvalidInputError(f"databases named {' and '.join(_DATABASES)} are attached: give one another name")
    home = f"{quote_identifier(name)}.main"
    statements = [f"ATTACH ':memory:' AS {quote_identifier(name)} (READ_WRITE)", "BEGIN", *_macros_in(home, home)]
    main, mode = next((n, m) for n, m in names.items() if m != "-")
    there = f"{quote_identifier(main)}.main"
    public = [text for text in _macros_in(there, home) if f"{there}._" not in text]
    digest = sha256("\n".join(public).encode()).hexdigest()[:16]
    if mode == "w" and kept != digest:
        public.append(f"CREATE OR REPLACE MACRO {there}._space_macros() AS {quote_literal(digest)}")
        statements += ["COMMIT", "BEGIN", *public]
    return name, ";\n".join([*statements, "COMMIT"])


def _macros_in(there: str, home: str) -> list[str]:
    """Statements that make the macros in one database, with their helpers from another."""
    made = [_CONNECTION.format(there)]
    for text in macros():
        body = _HELPER.sub(lambda found: f"{home}.{found[0]}", _CREATE.sub(r"CREATE OR REPLACE MACRO \1(\2)", text))
        body = body.replace("_space_connection()", f"{home}._space_connection()")
        made.append(re.sub(r"CREATE OR REPLACE MACRO (?:\S+\.)?(\w+)\(", rf"CREATE OR REPLACE MACRO {there}.\1(", body, count=1).rstrip().rstrip(";"))
    return made


def signposts(database: str) -> list[tuple[str, str, str]]:
    """Table functions that are found only where the macros are not: name, parameters, and what they say.

    Parameters are separated by commas, with a ``=`` before those that are named.
    """
    out = []
    for text in macros():
        found = _CREATE.search(text)
        assert found is not None
        name, parameters = found[1], found[2]
        if name.startswith("_"):
            continue
        given = [p.strip() for p in parameters.split(",")]
        listed = ",".join("=" + p.split(":=")[0].strip() if ":=" in p else p for p in given)
        hint = "" if name != "space_scan" else ", or read a dataset by its path: FROM 'path' or FROM 'path@version'"
        out.append((name, listed, f"invalid-input: {name} is not in this database: write {database}.{name}(…){hint}"))
    return out
