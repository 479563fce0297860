"""MERGE INTO a dataset: the forms that are an upsert or a delete."""

from __future__ import annotations

from dataclasses import dataclass

from space_sql.errors import InvalidInputError
from space_sql.format.types import quote_identifier
from space_sql.statements.target import Call, Target
from space_sql.statements.text import Ask, Statement
from space_sql.statements.writes import assigned, check_all_taken, folded, keys, source_columns

_FORMS = (
    "of MERGE INTO these are one commit here: WHEN MATCHED THEN UPDATE with WHEN NOT MATCHED THEN INSERT, of all "
    "columns (an upsert), and WHEN MATCHED THEN DELETE alone; else use space_upsert, space_update, space_delete"
)


@dataclass(frozen=True)
class _Merge:
    """The parts of the statement."""

    found: Statement
    dataset: Target
    ask: Ask
    own: str
    alias: str
    source: str

    @property
    def query(self) -> str:
        return f"FROM {self.source}"


def merge(found: Statement, verb: int, at: int, dataset: Target, ask: Ask) -> Call:
    """``MERGE INTO 'path' USING source ON key = key WHEN …``."""
    if verb:
        raise InvalidInputError("WITH before MERGE INTO: put the query into USING (…)")
    using = found.find("USING", first=at + 1)
    own = found.tokens[using - 1].text if using > at + 1 else ""
    first = using + 1
    end = found.group_end(first) if found.word(first) == "(" else first + 1
    source = found.piece(first, end)
    alias = found.tokens[end - 1].text if end == first + 1 else ""
    if found.word(end) == "AS":
        end += 1
    if found.word(end) not in {"ON", "USING", ""}:
        alias, end = found.tokens[end].text, end + 1
    when = found.find("WHEN", first=end)
    parts = _Merge(found, dataset, ask, own, alias, f"{source} AS {quote_identifier(alias or '_space_rows')}")
    matched = _matched(parts, end, when)
    key = keys(dataset, ask)
    if matched != key:
        raise InvalidInputError(
            f"MERGE INTO matches rows by the primary key, all of it and nothing else: ({', '.join(sorted(key))})"
        )
    actions = _actions(parts, when)
    if actions == {"DELETE"}:
        same = " AND ".join(
            f"row_.{quote_identifier(name)} = {quote_identifier(alias or '_space_rows')}.{quote_identifier(name)}"
            for name in sorted(key)
        )
        return dataset.call("space_delete", f"EXISTS (FROM {parts.source} WHERE {same})")
    if actions == {"UPDATE", "INSERT"}:
        return dataset.call("space_upsert", parts.query)
    raise InvalidInputError(_FORMS)


def _matched(parts: _Merge, first: int, last: int) -> set[str]:
    """The columns that ON or USING compare."""
    found = parts.found
    if found.word(first) == "USING":
        return folded([found.tokens[start].text for start, _ in found.parts(first + 2, found.group_end(first + 1) - 1)])
    first += 1
    while first < last and found.word(first) == "(" and found.group_end(first) == last:
        first, last = first + 1, last - 1
    out = set()
    while first < last:
        end = min(found.find("AND", first=first), last)
        tokens = found.tokens[first:end]
        words = [token.text.casefold() for token in tokens]
        names = {parts.own.casefold(), parts.alias.casefold()}
        shaped = len(words) == 7 and (words[1], words[3], words[5]) == (".", "=", ".")
        if not (shaped and words[2] == words[6] and {words[0], words[4]} == names and len(names) == 2):
            raise InvalidInputError(
                f"ON {found.piece(first, end)}: only the key's columns of both sides can be compared, d.id = s.id"
            )
        out.add(words[2])
        first = end + 1
    return out


def _actions(parts: _Merge, first: int) -> set[str]:
    """What the WHEN clauses do: UPDATE, INSERT, DELETE."""
    found, out = parts.found, set()
    while first < len(found.tokens):
        end = found.find("WHEN", first=first + 1)
        then = found.find("THEN", first=first)
        condition = " ".join(token.word for token in found.tokens[first:then])
        action = found.word(then + 1)
        wanted = {
            "UPDATE": {"WHEN MATCHED"},
            "DELETE": {"WHEN MATCHED"},
            "INSERT": {"WHEN NOT MATCHED", "WHEN NOT MATCHED BY TARGET"},
        }
        if condition not in wanted.get(action, ()) or action in out:
            raise InvalidInputError(_FORMS)
        _check_all(parts, action, then + 2, end)
        out.add(action)
        first = end
    return out


def _check_all(parts: _Merge, action: str, first: int, last: int) -> None:
    """Raise unless an action takes all columns of the source."""
    found = parts.found
    rest = " ".join(found.tokens[number].word for number in range(first, last))
    if rest in {"", "*", "SET *", "BY NAME"}:
        return
    columns = source_columns(parts.query, parts.ask)
    if action == "UPDATE" and found.word(first) == "SET":
        taken = assigned(found, first + 1, last, parts.alias)
        check_all_taken(taken, columns, keys(parts.dataset, parts.ask), parts.alias)
        return
    if action == "INSERT" and found.word(first) == "(":
        end = found.group_end(first)
        names = [found.tokens[start].text.casefold() for start, _ in found.parts(first + 1, end - 1)]
        values = [
            found.piece(start, stop).casefold() for start, stop in found.parts(end + 2, found.group_end(end + 1) - 1)
        ]
        alias = parts.alias.casefold()
        if folded(columns) == set(names) and values == [f"{alias}.{name}" for name in names]:
            return
    raise InvalidInputError(_FORMS)
