"""A statement of the caller's as the one that DuckDB is to run: a call where it addresses a dataset, else unchanged."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from space_sql.errors import InvalidInputError
from space_sql.statements.merge import merge
from space_sql.statements.reads import scans
from space_sql.statements.target import Call, Target, meant, target
from space_sql.statements.text import Ask, Statement, statement
from space_sql.statements.values import Parameters, bound
from space_sql.statements.writes import create_view, delete, insert, refresh_view, update

_GAP = r"(?:\s|/\*.*?\*/|--[^\n]*\n)*"
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_AT = re.compile(r"\s*(?:(?:as\s+)?\w+\s+)?at\s*\(", re.I)
_HARD = re.compile(r"/\*|--|\$\w*\$")
"""Where these are, quotes may not be what they seem."""
_BEFORE = ("into", "update", "from", "join", "truncate", "table", "view", "\n")
_NEAR = 200
_EXPLAIN = re.compile(rf"{_GAP}explain\b(?:{_GAP}analyze\b)?", re.I | re.S)
_CREATE = re.compile(rf"\bcreate{_GAP}\b(materialized)\b(?={_GAP}view{_GAP}')", re.I | re.S)
_REFRESH = re.compile(rf"\brefresh{_GAP}\bmaterialized{_GAP}\bview\b(?={_GAP}')", re.I | re.S)

Write = Callable[[Statement, int, int, Target, Ask], Call]
_WRITES: tuple[tuple[tuple[str, ...], Write], ...] = (
    (("INSERT", "INTO"), insert),
    (("INSERT", "OR", "REPLACE", "INTO"), insert),
    (("INSERT", "OR", "IGNORE", "INTO"), insert),
    (("UPDATE",), update),
    (("DELETE", "FROM"), delete),
    (("TRUNCATE",), delete),
    (("TRUNCATE", "TABLE"), delete),
    (("MERGE", "INTO"), merge),
    (("CREATE", "MATERIALIZED", "VIEW"), create_view),
    (("REFRESH", "MATERIALIZED", "VIEW"), refresh_view),
)
_UNKNOWN_TO_DUCKDB = {create_view, refresh_view}


def maybe(text: str) -> bool:
    """Whether a text may address a dataset: a quick look at what stands before and after its quotes, and in them."""
    if _HARD.search(text):
        return "'" in text or '"' in text
    several = ";" in text.rstrip().rstrip(";")  # what a statement addresses may be made by one before it
    for quoted in _QUOTED.finditer(text):
        start, end = quoted.span()
        last = text[max(0, start - _NEAR) : start].rstrip(" \t\r")[-8:].lower()
        if _AT.match(text, end):
            return True
        if (not last or last.endswith(_BEFORE)) and (several or _names_one(quoted[0], last)):
            return True
    return False


def _names_one(quoted: str, before: str) -> bool:
    mark = quoted[0]
    name = quoted[1:-1].replace(mark * 2, mark)
    return before.endswith("view") or (meant if mark == "'" else target)(name) is not None


@dataclass(frozen=True)
class Rewritten:
    """What is run; ``call`` is the write that the text does, unless it only explains it."""

    text: str
    parameters: Parameters
    writes: bool
    call: Call | None = None


def rewritten(text: str, parameters: Parameters, ask: Ask) -> Rewritten | None:
    """The statement that does what this one says; None where it addresses no dataset.

    Raises:
        InvalidInputError: it does, and asks for what a dataset cannot do.
    """
    explain = _EXPLAIN.match(text)
    start = explain.end() if explain else 0
    found = statement(text[start:])
    if found is None or not found.tokens:
        return None
    write = _write(found)
    if write is not None:
        function, verb, at, dataset = write
        found.edits = [*bound(found, parameters), *scans(found, ask, besides=at)]
        call = function(found, verb, at, dataset, ask)
        if explain:
            return Rewritten(f"{text[:start]} FROM {call.sql}", None, writes=True)
        return Rewritten(f"CALL {call.sql}", None, writes=True, call=call)
    found.edits = scans(found, ask)
    if not found.edits:
        return None
    return Rewritten(text[:start] + found.whole(), parameters, writes=False)


def _write(found: Statement) -> tuple[Write, int, int, Target] | None:
    """What a statement does to which dataset, and where its verb and the dataset's name stand."""
    verb = 0
    if found.word(0) == "WITH":
        verb = found.find("INSERT", "SELECT", "FROM", "UPDATE", "DELETE", "MERGE", "VALUES")
    for words, function in _WRITES:
        at = verb + len(words)
        if not (found.follows(verb, *words) and found.is_text(at)):
            continue
        name = found.tokens[at].text
        dataset = Target(name, None) if function in _UNKNOWN_TO_DUCKDB else meant(name)
        if dataset is None:
            return None
        if verb and function is not insert:
            raise InvalidInputError(f"WITH before {words[0]}: put the query into a subquery")
        return function, verb, at, dataset
    return None


def known_to_duckdb(text: str) -> str:
    """A text as long, in which DuckDB's parser knows all statements: what is a materialized view there is a view."""
    text = _CREATE.sub(lambda m: m[0].replace(m[1], " " * len(m[1])), text)
    return _REFRESH.sub(lambda m: "FROM".ljust(len(m[0])), text)
