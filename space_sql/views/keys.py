"""Which relations of a join have at most one row for a row of others: their keys need not be among a view's columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from space_sql.views import tree
from space_sql.views.block import Leaf
from space_sql.views.tree import Node

_Column = tuple[str, str]


def determined(node: Node, leaves: Sequence[Leaf], known: Sequence[Leaf]) -> bool:
    """Whether the rows of the leaves ``known`` tell the rows of all leaves of a SELECT.

    They do where every column of a leaf's key is compared with ``=`` to a column of a leaf that they tell.
    """
    if len(known) == len(leaves):
        return bool(leaves)
    if any(n.get("type") == "JOIN" and n["join_type"] not in ("INNER", "LEFT") for n in tree.walk(node["from_table"])):
        return False
    # A row on the left of a LEFT JOIN stays where none on its right does: what stands there does not tell it.
    sides = [n["left"] for n in tree.walk(node["from_table"]) if n.get("join_type") == "LEFT"]
    stays = {part.get("table_name") for side in sides for part in tree.walk(side)}
    pairs = [pair for pair in _equalities(node, leaves) if pair[0][0] != pair[1][0]]
    told = {leaf.alias.casefold() for leaf in known}
    while True:
        same = {one for pair in pairs for one, other in (pair, pair[::-1]) if other[0] in told}
        more = {
            leaf.alias.casefold()
            for leaf in leaves
            if leaf.key
            and leaf.place not in stays
            and all((leaf.alias.casefold(), key.casefold()) in same for key in leaf.key)
        } - told
        if not more:
            return told >= {leaf.alias.casefold() for leaf in leaves}
        told |= more


def _equalities(node: Node, leaves: Sequence[Leaf]) -> Iterator[tuple[_Column, _Column]]:
    """Columns that are equal in each row: by WHERE, ON or USING."""
    joins = [
        n for n in tree.walk(node["from_table"], lambda n: n.get("class") != "SUBQUERY") if n.get("type") == "JOIN"
    ]
    for condition in (node["where_clause"], *(join.get("condition") for join in joins)):
        for part in tree.conjuncts(condition):
            if part.get("type") == "COMPARE_EQUAL":
                left, right = (column(part[side], leaves) for side in ("left", "right"))
                if left and right:
                    yield left, right
    for name in {name.casefold() for join in joins for name in join.get("using_columns") or ()}:
        have = [leaf.alias.casefold() for leaf in leaves if name in _names(leaf)]
        yield from (((one, name), (other, name)) for one in have for other in have if one != other)


def column(expression: Node, leaves: Sequence[Leaf]) -> _Column | None:
    """The leaf and the column that an expression is; None for any other."""
    if expression.get("class") != "COLUMN_REF" or len(expression["column_names"]) > 2:
        return None
    *alias, name = [part.casefold() for part in expression["column_names"]]
    have = [leaf.alias.casefold() for leaf in leaves if name in _names(leaf)]
    if alias:
        have = [one for one in have if one == alias[0]]
    return (have[0], name) if len(have) == 1 else None


def _names(leaf: Leaf) -> set[str]:
    return {name.casefold() for name, _ in leaf.relation.columns}
