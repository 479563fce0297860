"""INSERT, UPDATE, DELETE and materialized views of a dataset as calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from space_sql.errors import InvalidInputError
from space_sql.format.types import quote_identifier
from space_sql.statements.target import Call, Target
from space_sql.statements.text import Ask, Statement

_QUERY = {"SELECT", "FROM", "WITH", "VALUES", "TABLE", "PIVOT", "UNPIVOT", "DESCRIBE", "SHOW", "SUMMARIZE", "("}
RETURNING = (
    "RETURNING has no counterpart: the result tells the snapshot and how many rows; space_changes shows the rows"
)


def insert(found: Statement, verb: int, at: int, dataset: Target, ask: Ask) -> Call:
    """``INSERT [OR REPLACE] INTO 'path' [(columns)] [BY NAME] source [ON CONFLICT … DO UPDATE …]``."""
    replaces = found.follows(verb + 1, "OR", "REPLACE")
    if found.follows(verb + 1, "OR", "IGNORE"):
        raise InvalidInputError(_NOTHING)
    first = at + 1
    if found.word(first) == "AS":
        first += 2
    columns: list[str] = []
    if found.word(first) == "(" and found.word(first + 1) not in _QUERY:
        end = found.group_end(first)
        columns = [name for name, *_ in _names(found, first + 1, end - 1)]
        first = end
    by_position = found.follows(first, "BY", "POSITION")
    if by_position or found.follows(first, "BY", "NAME"):
        first += 2
    if found.word(first) == "DEFAULT":
        raise InvalidInputError("DEFAULT VALUES: columns of a dataset have no defaults")
    end = _end(found, first)
    conflict = found.find("RETURNING", first=first)
    if conflict < len(found.tokens):
        raise InvalidInputError(RETURNING)
    source = found.piece(first, end)
    if not columns and (by_position or found.word(first) == "VALUES"):
        columns = [name for name, _ in ask(dataset.schema())]
    if columns:
        source = _named(source, columns, ask)
    if verb:
        source = f"{found.piece(0, verb)} {source}"  # the CTEs before INSERT
    if end < len(found.tokens):
        _check_update(found, end + 2, dataset, source, ask)
        replaces = True
    return dataset.call("space_upsert" if replaces else "space_insert", source)


_NOTHING = (
    "ON CONFLICT DO NOTHING has no counterpart: insert only the rows whose key is not there yet, "
    "WHERE NOT EXISTS (FROM 'path' AS d WHERE d.id = …)"
)


def _end(found: Statement, first: int) -> int:
    """Where ON CONFLICT begins, else the end."""
    number = found.find("ON", first=first)
    while number < len(found.tokens) and not found.follows(number, "ON", "CONFLICT"):
        number = found.find("ON", first=number + 1)
    return number


def _named(source: str, columns: Sequence[str], ask: Ask) -> str:
    """A source whose columns, in their order, get these names."""
    count = len(ask(f"DESCRIBE {source}"))
    if count != len(columns):
        raise InvalidInputError(f"{len(columns)} columns are to be filled, but the rows have {count}")
    return f"FROM ({source}) AS _space_rows({', '.join(map(quote_identifier, columns))})"


def _names(found: Statement, first: int, last: int) -> Iterator[tuple[str, int, int]]:
    """The single names between commas, with their places."""
    for start, end in found.parts(first, last):
        if end - start != 1:
            raise InvalidInputError(f"{found.piece(start, end)} is not the name of a column")
        yield found.tokens[start].text, start, end


def folded(names: Sequence[str]) -> set[str]:
    """Names to compare with others."""
    return {name.casefold() for name in names}


def keys(dataset: Target, ask: Ask) -> set[str]:
    """The primary key."""
    return folded([name for name, key in ask(dataset.schema()) if key])


def source_columns(source: str, ask: Ask) -> list[str]:
    """The names of a source's columns."""
    return [str(row[0]) for row in ask(f"DESCRIBE {source}")]


def _check_update(found: Statement, first: int, dataset: Target, source: str, ask: Ask) -> None:
    """Raise unless what stands after ON CONFLICT is an upsert."""
    if found.word(first) == "(":
        end = found.group_end(first)
        named = folded([name for name, *_ in _names(found, first + 1, end - 1)])
        if named != keys(dataset, ask):
            raise InvalidInputError(f"ON CONFLICT names other columns than the primary key of '{dataset.path}'")
        first = end
    if found.follows(first, "DO", "NOTHING"):
        raise InvalidInputError(_NOTHING)
    if not found.follows(first, "DO", "UPDATE", "SET"):
        raise InvalidInputError("ON CONFLICT … DO UPDATE SET column = excluded.column, … is what can be done here")
    if found.find("WHERE", first=first) < len(found.tokens):
        raise InvalidInputError("DO UPDATE … WHERE has no counterpart: choose the rows in the source")
    taken = assigned(found, first + 3, len(found.tokens), "excluded")
    check_all_taken(taken, source_columns(source, ask), keys(dataset, ask), "excluded")


def assigned(found: Statement, first: int, last: int, alias: str) -> set[str]:
    """The columns of ``column = alias.column, …``; InvalidInputError where a value is another one."""
    out = set()
    for start, end in found.parts(first, last):
        name = found.tokens[start].text.casefold()
        same = (
            end - start == 5
            and [found.word(start + 1), found.word(start + 3)] == ["=", "."]
            and found.tokens[start + 2].text.casefold() == alias.casefold()
            and found.tokens[start + 4].text.casefold() == name
        )
        if not same:
            raise InvalidInputError(
                f"{found.piece(start, end)}: only {alias}'s own value can be taken, "
                f"{quote_identifier(name)} = {alias}.{quote_identifier(name)}; compute it in the source"
            )
        out.add(name)
    return out


def check_all_taken(taken: set[str], columns: Sequence[str], key: set[str], alias: str) -> None:
    """Raise unless all columns of a source are taken, but for the key."""
    missing = sorted(folded(columns) - key - taken)
    if missing:
        raise InvalidInputError(
            f'"{missing[0]}" comes with the rows and is not set: add {missing[0]} = {alias}.{missing[0]}, '
            "or leave the column out of the source, so that rows that exist keep theirs"
        )


def update(found: Statement, verb: int, at: int, dataset: Target, ask: Ask) -> Call:
    """``UPDATE 'path' SET assignments [WHERE predicate]``."""
    if not found.follows(at + 1, "SET"):
        raise InvalidInputError(
            f"UPDATE '{dataset.path}' SET … takes no alias: the row's columns go by their names, in subqueries by row_"
        )
    first = at + 2
    where, source = found.find("WHERE", first=first), found.find("FROM", first=first)
    if found.find("RETURNING", first=first) < len(found.tokens):
        raise InvalidInputError(RETURNING)
    if source < where:
        raise InvalidInputError(
            "UPDATE … FROM has no counterpart: use a subquery, SET label = (SELECT label FROM other WHERE "
            "other.id = row_.id), or INSERT … ON CONFLICT DO UPDATE"
        )
    predicate = found.piece(where + 1, len(found.tokens)) or "true"
    return dataset.call("space_update", found.piece(first, where), predicate)


def delete(found: Statement, verb: int, at: int, dataset: Target, ask: Ask) -> Call:
    """``DELETE FROM 'path' [WHERE predicate]``, ``TRUNCATE 'path'``."""
    rest = at + 1
    if rest < len(found.tokens) and found.find("RETURNING", first=rest) < len(found.tokens):
        raise InvalidInputError(RETURNING)
    if rest < len(found.tokens) and found.word(rest) != "WHERE":
        raise InvalidInputError(
            "DELETE FROM … takes no alias and no USING: use a subquery, "
            "WHERE EXISTS (FROM other WHERE other.id = row_.id)"
        )
    return dataset.call("space_delete", found.piece(rest + 1, len(found.tokens)) or "true")


def create_view(found: Statement, verb: int, at: int, dataset: Target, ask: Ask) -> Call:
    """``CREATE MATERIALIZED VIEW 'path' AS query``."""
    if found.word(at + 1) != "AS":
        raise InvalidInputError("CREATE MATERIALIZED VIEW 'path' AS SELECT … is what can be done here")
    return dataset.call("space_materialize", found.piece(at + 2, len(found.tokens)))


def refresh_view(found: Statement, verb: int, at: int, dataset: Target, ask: Ask) -> Call:
    """``REFRESH MATERIALIZED VIEW 'path'``."""
    if at + 1 < len(found.tokens):
        raise InvalidInputError("REFRESH MATERIALIZED VIEW 'path' takes nothing else; see space_refresh")
    return dataset.call("space_refresh")
