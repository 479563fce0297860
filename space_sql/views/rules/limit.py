"""ORDER BY with LIMIT: the rows that it lets through go as they were and come as they are."""

from __future__ import annotations

from collections.abc import Sequence

from space_sql.views import tree
from space_sql.views.block import Block
from space_sql.views.relation import Build, NoRule, Relation, difference
from space_sql.views.tree import Node


def check(node: Node, columns: Sequence[tuple[str, str]], key: Sequence[str]) -> None:
    """Raise NoRule unless the order leaves no two rows equal, so that LIMIT always lets the same ones through."""
    orders = [o for m in node["modifiers"] if m["type"] == "ORDER_MODIFIER" for o in m["orders"]]
    covered: set[str] = set()
    for order in orders:
        expression = order["expression"]
        at = tree.position(expression)
        if at is not None and at < len(columns):
            covered.add(columns[at][0].casefold())
        elif expression.get("class") == "COLUMN_REF":
            covered.add(expression["column_names"][-1].casefold())
        elif expression.get("class") == "STAR" and len(orders) == 1:
            covered |= {name.casefold() for name, _ in columns}
    output = {name.casefold() for name, _ in columns}
    unique = {name.casefold() for name in key}
    if not (output <= covered or (unique and unique <= covered & output)):
        raise NoRule("unordered-limit", "LIMIT with an ORDER BY that leaves ties: order by the key or by all columns")
    if node["type"] != "SELECT_NODE":
        raise NoRule("not-understood", "LIMIT after a set operation: put it around a subquery")


def limited(build: Build, block: Block, node: Node, under: Relation) -> Relation:
    """The rows of ``under`` that ``node`` lets through; ``block`` is the SELECT without its order and limit."""
    whole = {**block.node, "modifiers": node["modifiers"]}
    new, old = block.sql(block.new, whole), block.sql(block.old, whole)
    build.tell("order by, limit", "recompute")
    delta = difference(under.columns, new, old) if under.changed else None
    return build.add(under.columns, new, old, delta)
