"""Predicates of checks: read by DuckDB's parser, over one row, the same whenever they are computed."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

from space_sql.dataset.deterministic import condition_sql, parsed_nodes
from space_sql.errors import InvalidInputError
from space_sql.format.schema import Check, Column, Schema


def check_sql(check: Check, schema: Schema) -> str:
    """A check's predicate as an expression in brackets.

    It is judged again whenever it is used: what stands in a log may have been written by a stranger.
    """
    assert check.predicate is not None
    what = f'check "{check.name}"'
    sql = _condition(check.predicate, schema, what)
    for column in schema.records:
        if _names(check.predicate, column):
            raise InvalidInputError(f'{what} names "{column.name}", a record field: records are not read to commit')
    return sql


@lru_cache(maxsize=256)
def _condition(predicate: str, schema: Schema, what: str) -> str:
    return condition_sql(predicate, schema, what)


@lru_cache(maxsize=1024)
def _names(predicate: str, column: Column) -> bool:
    """Whether a predicate names a column, also as the table of a struct's field."""
    folded = column.name.casefold()
    return any(
        folded in (name.casefold() for name in node["column_names"])
        for node in parsed_nodes(f"SELECT (\n{predicate}\n)")
        if node.get("class") == "COLUMN_REF"
    )


def refuse_checked(schema: Schema, column: Column) -> None:
    """Raise InvalidInputError when a check names a column that is about to be renamed, dropped or lost."""
    for check in schema.checks:
        if check.predicate is not None and _names(check.predicate, column):
            raise InvalidInputError(f'check "{check.name}" names column "{column.name}": space_drop_check it first')


def refuse_lost(schema: Schema, other: Schema) -> None:
    """Raise InvalidInputError when a check names a column that another schema has not under that name."""
    for column in schema.columns:
        there = other.by_name.get(column.name.casefold())
        if there is None or there.id != column.id:
            refuse_checked(schema, column)


def with_checks_of(now: Schema, wanted: Schema) -> Schema:
    """A schema from elsewhere with the checks and the comment of a branch, which are the branch's own."""
    refuse_lost(now, wanted)
    return replace(wanted, checks=now.checks, comment=now.comment)


def shown_key(values: tuple[Any, ...]) -> str:
    """A key as an error names it."""
    return repr(values[0]) if len(values) == 1 else repr(values)
