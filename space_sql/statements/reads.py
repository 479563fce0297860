"""``FROM 'path' AT (VERSION => 'tag')`` and ``FROM 'path@tag'`` as space_scan."""

from __future__ import annotations

from space_sql.errors import InvalidInputError
from space_sql.format.types import quote_literal
from space_sql.statements.target import Target, meant, target
from space_sql.statements.text import Ask, Edit, Statement

_QUERY = {"SELECT", "FROM", "WITH", "("}
_NO_TABLE = {"COPY", "ATTACH", "DETACH", "INSTALL", "LOAD", "IMPORT", "EXPORT", "USE", "SET"}


def scans(found: Statement, ask: Ask, besides: int | None = None) -> list[Edit]:
    """What stands in the places of strings that are read as datasets, but for one token."""
    edits = []
    if found.word(0) in _NO_TABLE:
        return []
    for number in range(1, len(found.tokens)):
        token = found.tokens[number]
        if number == besides or not (found.is_text(number) or _is_free(found, number, ask)):
            continue
        if (at := _at(found, number)) is not None:
            dataset = meant(token.text)
            if dataset is not None and _is_table(found, number, listed=True):
                end = found.group_end(at + 1)
                edits.append(Edit(token.start, token.end, _version(found, dataset, at + 2, end - 1)))
                edits.append(Edit(found.tokens[at].start, found.tokens[end - 1].end, ""))
        elif _is_table(found, number, listed=False) and (dataset := target(token.text)) is not None:
            edits.append(Edit(token.start, token.end, dataset.scan()))
    return edits


def _is_free(found: Statement, number: int, ask: Ask) -> bool:
    """Whether a name in double quotes, as tools write them, can only be a dataset: no table or CTE has it."""
    token = found.tokens[number]
    if token.kind != "IDENTIFIER" or found.word(number + 1) == "." or target(token.text) is None:
        return False
    if any(other.text == token.text and found.word(at + 1) == "AS" for at, other in enumerate(found.tokens)):
        return False
    name = quote_literal(token.text)
    known = "SELECT table_name AS n FROM duckdb_tables() UNION ALL SELECT view_name FROM duckdb_views()"
    return not ask(f"SELECT 1 FROM ({known}) WHERE lower(n) = lower({name})")


def _is_table(found: Statement, number: int, *, listed: bool) -> bool:
    """Whether a table's name is at a place: after FROM or JOIN; with ``listed`` also after a comma."""
    before = found.word(number - 1)
    if before == "JOIN" or (listed and before == ","):
        return True
    if before != "FROM" or (found.word(number - 2) == "DISTINCT" and found.word(number - 3) in {"IS", "NOT"}):
        return False
    depth = found.tokens[number].depth
    first = next((n for n in range(number, -1, -1) if found.tokens[n].depth < depth), -1)
    return depth == 0 or found.word(first + 1) in _QUERY  # not trim(BOTH FROM 'a')


def _at(found: Statement, number: int) -> int | None:
    """Where AT stands for the table at a place: after it or after its alias."""
    for at in (number + 1, number + 2, number + 3):
        aliased = at < number + 3 or found.word(number + 1) == "AS"
        if aliased and found.follows(at, "AT", "(") and found.word(at + 2) in {"VERSION", "TIMESTAMP"}:
            return at
    return None


def _version(found: Statement, dataset: Target, first: int, last: int) -> str:
    if dataset.version is not None:
        raise InvalidInputError(f"'{dataset.path}@{dataset.version}' has a version already: leave AT (…) out")
    if found.word(first + 1) not in {"=>", ":="}:
        raise InvalidInputError("AT (VERSION => 'tag') or AT (TIMESTAMP => time)")
    name = "version" if found.word(first) == "VERSION" else "as_of"
    return dataset.scan(f"{name} => {found.piece(first + 2, last)}")
