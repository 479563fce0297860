"""The extension's Python side: what it declares to DuckDB, as text and callables that C reads.

Source: docs/adr/009-loadable-extension.md.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any, NamedTuple

from space_sql.errors import InvalidInputError
from space_sql.format.types import quote_identifier, quote_literal
from space_sql.functions.calls import FUNCTIONS, SESSIONS
from space_sql.functions.catalogue import VALUES
from space_sql.hosts.extension.literal import read_path
from space_sql.hosts.python import macros

_KEEPERS = ("space", "space_sql")
"""Names for the database in memory that keeps the macros; the second when the first is taken."""

_LETTERS = {"VARCHAR": "T", "BIGINT": "I", "BOOLEAN": "B", "BLOB": "L"}
"""A function that gives BLOB is called for many rows at once, the others for each row."""
_CREATE = re.compile(r"^CREATE OR REPLACE TEMP MACRO (\w+)\s*\(([^)]*)\)(.*)", re.DOTALL | re.MULTILINE)
_CONNECTIONS = 1 << 32
"""How many connections each database of the process can number."""

_READ = re.compile(r" AS TABLE\s+SELECT \* FROM query\(_space_read\(('\w+'), _space_session\(\), (.*)\)\)", re.DOTALL)
_CALL = re.compile(r" AS TABLE\s+FROM (_space_\w+)\(((?:'[^']*', )+)(to_json\(.*)\)", re.DOTALL)


class _Macro(NamedTuple):
    name: str
    parameters: str
    body: str


def functions() -> list[tuple[str, str, str, str, Callable[..., Any]]]:
    """Name, a letter for each parameter, one for the result, its kind, and what to call: see space.h.

    Kinds are V, volatile; E, which only the extension has; none.
    """
    assert all(function.vector == (function.returns == "BLOB") for function in FUNCTIONS)
    calls = {function.name: function.call for function in FUNCTIONS}
    values = [
        ("space_record", "TA", "L", "E", calls["_space_record"]),
        ("space_file", "T", "F", "E", calls["_space_token"]),
        ("_space_path", "TTT", "T", "E", read_path),
    ]
    return values + [
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


def forget(instance: int) -> None:
    """Drop what is kept for the connections of a database that is closed."""
    SESSIONS.drop(range(instance * _CONNECTIONS, (instance + 1) * _CONNECTIONS))


def script(databases: str, kept: str) -> tuple[str, str]:
    """Which database keeps the macros, and the SQL that puts them there and into the main database.

    Args:
        databases: a line for each database: ``w`` or ``r`` before the name of the main one, as it can be written or
            only read, and ``-`` before the others.
        kept: what ``_space_macros()`` says in the main database: which macros it has.
    """
    modes = {line[1:]: line[0] for line in databases.split("\n")}
    taken = {name.casefold() for name in modes}
    keeper = next((name for name in _KEEPERS if name not in taken), None)
    if keeper is None:
        raise InvalidInputError(f"databases named {' and '.join(_KEEPERS)} are attached: give one another name")
    home = f"{quote_identifier(keeper)}.main"
    statements = [f"ATTACH ':memory:' AS {quote_identifier(keeper)} (READ_WRITE)", "BEGIN"]
    statements += [_create(home, macro, home) for macro in _macros()]
    main, mode = next((name, mode) for name, mode in modes.items() if mode != "-")
    there = f"{quote_identifier(main)}.main"
    public = [_create(there, _lazy(macro), home) for macro in _public()]
    digest = sha256("\n".join(public).encode()).hexdigest()[:16]
    if mode == "w" and kept != digest:
        mark = _Macro("_space_macros", "", f" AS {quote_literal(digest)}")
        statements += ["COMMIT", "BEGIN", *public, _create(there, mark, home)]
    return keeper, ";\n".join([*statements, "COMMIT"])


@functools.cache
def _macros() -> tuple[_Macro, ...]:
    """The macros, helpers first; connections are told apart by DuckDB's own number and the database's."""
    found = [match for text in macros() if (match := _CREATE.search(text))]
    return (
        _Macro("_space_connection", "", f" AS _space_instance() * {_CONNECTIONS} + current_connection_id()::BIGINT"),
        *(_Macro(match[1], match[2], match[3].rstrip().rstrip(";")) for match in found),
        _Macro(
            "_space_reading",
            "function, arguments",
            " AS TABLE SELECT * FROM query(_space_read(function, _space_session(), arguments))",
        ),
    )


def _public() -> list[_Macro]:
    """The macros for people. Those that compute a value are functions of the extension, found in every database:
    DuckDB looks at what a macro names when it imports it, and could not where the extension is not loaded.
    """
    return [macro for macro in _macros() if not macro.name.startswith("_") and macro.name not in VALUES]


def _create(there: str, macro: _Macro, home: str) -> str:
    """The statement that makes a macro in one database, with its helpers from another.

    Names in a macro are looked up where it is used, not where it is made.
    """
    helpers = "|".join(helper.name for helper in _macros() if helper.name.startswith("_"))
    body = re.sub(rf"\b(?:{helpers})\(", lambda found: f"{home}.{found[0]}", macro.body)
    return f"CREATE OR REPLACE MACRO {there}.{macro.name}({macro.parameters}){body}"


def _lazy(macro: _Macro) -> _Macro:
    """The macro with its helper named in text, which DuckDB looks at when it is used and not before.

    So a database that is exported with it can be imported where the extension is not loaded.
    """
    if read := _READ.fullmatch(macro.body):
        helper, fixed, arguments = "_space_reading", f"{read[1]}, ", read[2]
    elif call := _CALL.fullmatch(macro.body):
        helper, fixed, arguments = call[1], call[2], call[3]
    else:
        return macro
    head = quote_literal(f"FROM {helper}({fixed}")
    quoted = f"chr(39), replace({_inlined(arguments)}, chr(39), repeat(chr(39), 2)), chr(39)"
    return macro._replace(body=f" AS TABLE SELECT * FROM query(concat({head}, {quoted}, ')'))")


def _inlined(expression: str) -> str:
    """The expression with the bodies of helpers of one parameter in place of their calls."""
    for helper in _macros():
        parameter = helper.parameters
        if helper.name.startswith("_") and re.fullmatch(r"\w+", parameter):
            pieces = re.split(rf"\b{helper.name}\(([\w:]+)\)", expression)
            body = helper.body.removeprefix(" AS").strip()
            pieces[1::2] = [re.sub(rf"\b{parameter}\b", given, body) for given in pieces[1::2]]
            expression = "".join(pieces)
    return expression


def signposts(database: str) -> list[tuple[str, str, str]]:
    """Table functions that are found only where the macros are not: name, parameters, and what they say.

    Parameters are separated by commas, with a ``=`` before those that are named.
    """
    out = []
    for macro in _public():
        given = [parameter.strip() for parameter in macro.parameters.split(",")]
        listed = ",".join("=" + p.split(":=")[0].strip() if ":=" in p else p for p in given)
        hint = ", or read a dataset by its path: FROM 'path@version'" if macro.name == "space_scan" else ""
        line = f"invalid-input: {macro.name} is not in this database: write {database}.{macro.name}(…){hint}"
        out.append((macro.name, listed, line))
    return out
