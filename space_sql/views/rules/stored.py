"""Touched groups at the top of a view: how they were is what the view stores, so it is not computed again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from space_sql.format.types import parse_type, quote_identifier
from space_sql.views import tree
from space_sql.views.block import Block
from space_sql.views.relation import WEIGHT, Build, names
from space_sql.views.tree import Node

TABLE = "_space_stored"
PLACED = "_space_placed"
PLACED_ROWS = "\0placed\0"
"""Stands for the query of the view's rows with their positions."""

Columns = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Stored:
    """The rows that a view has: a query of them, its columns and their number; unknown before the first result.

    ``placed`` is the query with their positions before the columns.
    """

    sql: str = ""
    columns: tuple[tuple[str, str], ...] | None = None
    count: int = 0
    placed: str = ""

    def fits(self, columns: Columns) -> bool:
        """Whether they have these columns."""
        if self.columns is None:
            return True
        return [(n, parse_type(t)) for n, t in self.columns] == [(n, parse_type(t)) for n, t in columns]

    def add(self, build: Build, columns: Columns) -> None:
        """Name them ``TABLE``, for the queries that follow."""
        nothing = ", ".join(f"NULL::{t} AS {quote_identifier(n)}" for n, t in columns)
        build.table(TABLE, self.sql or f"SELECT {nothing} WHERE false", columns)
        build.name(PLACED, PLACED_ROWS)


def shown(block: Block, keys: Sequence[Node], columns: Columns) -> list[str] | None:
    """The view's columns that keys are; None unless each is one."""
    items = block.node["select_list"]
    if len(items) != len(columns) or any(n.get("class") == "STAR" for n in tree.walk(items)):
        return None
    texts = [tree.expression_sql(item) for item in items]
    found = [tree.expression_sql(key) for key in keys]
    if not all(text in texts for text in found):
        return None
    return [columns[texts.index(text)][0] for text in found]


def leaving(columns: Columns, keyed: Sequence[str], touched: str) -> str:
    """The weighted rows by which the stored rows of touched keys leave."""
    return f"SELECT {names(columns)}, -1 AS {WEIGHT} FROM {TABLE} AS s SEMI JOIN {touched} AS t ON {same(keyed)}"


def same(keyed: Sequence[str]) -> str:
    """Whether a stored row ``s`` has the keys ``t``."""
    return " AND ".join(
        f"s.{quote_identifier(name)} IS NOT DISTINCT FROM t._space_k{i}" for i, name in enumerate(keyed)
    )
