"""Predicates and assignments as SQL, and as what they mean for a row of the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

from tests.property.model import Column, Content, Values
from tests.property.values import Value, integer, values


@dataclass(frozen=True)
class Predicate:
    """``holds`` is true where the SQL is true, and false where it is false or NULL."""

    sql: str
    holds: Callable[[Values], bool]


@dataclass(frozen=True)
class Assignment:
    """A new value for a column, from the row."""

    column: int
    sql: str
    value: Callable[[Values], Value]


def _quoted(column: Column) -> str:
    return '"' + column.name.replace('"', '""') + '"'


@st.composite
def predicates(draw: st.DrawFn, content: Content) -> Predicate:
    """A predicate over the columns of a version."""
    key = content.column(content.keys[0])
    assert key is not None
    name, number = _quoted(key), draw(st.integers(1, 6))
    column = draw(st.sampled_from(content.columns))
    given = draw(values(column.type))
    at = column.id

    def key_of(row: Values) -> int | None:
        return row.get(key.id)

    choices = [
        Predicate(f"{name} = {number}", lambda row: key_of(row) == number),
        Predicate(f"{name} > {number} -- and more", lambda row: (key_of(row) or 0) > number),
        Predicate(f"NOT ({name} IN (1, {number}))", lambda row: key_of(row) not in (None, 1, number)),
        Predicate(f"{_quoted(column)} IS NOT DISTINCT FROM {given.sql}", lambda row: row.get(at) == given.value),
        Predicate(f"{_quoted(column)} IS NULL", lambda row: row.get(at) is None),
        Predicate(f"row_.{_quoted(column)} IS NOT NULL", lambda row: row.get(at) is not None),
        Predicate("true", lambda row: True),
        Predicate("NULL", lambda row: False),
        Predicate(
            f"EXISTS (FROM range(2, {number}) r(n) WHERE n = row_.{name})",
            lambda row: 2 <= (key_of(row) or 0) < number,
        ),
    ]
    return draw(st.sampled_from(choices))


@st.composite
def assignments(draw: st.DrawFn, content: Content) -> list[Assignment]:
    """Assignments to one or two columns of a version."""
    chosen = draw(st.lists(st.sampled_from(content.columns), min_size=1, max_size=2, unique_by=lambda c: c.id))
    return [draw(_assignment(content, column)) for column in chosen]


@st.composite
def _assignment(draw: st.DrawFn, content: Content, column: Column) -> Assignment:
    name, at = _quoted(column), column.id
    given = integer(draw(st.integers(1, 6))) if at == content.keys[0] else draw(values(column.type))
    choices = [Assignment(at, f"{name} = {given.sql}", lambda row: given.value)]
    if at == content.keys[0]:
        choices.append(Assignment(at, f"{name} = {name} + 1", lambda row: _plus_one(row.get(at))))
    for other in content.columns:
        if other.type == column.type:
            choices.append(_copied(column, other))
    return draw(st.sampled_from(choices))


def _copied(column: Column, other: Column) -> Assignment:
    return Assignment(column.id, f"{_quoted(column)} = {_quoted(other)}", lambda row: row.get(other.id))


def _plus_one(value: int | None) -> int | None:
    return None if value is None else value + 1
