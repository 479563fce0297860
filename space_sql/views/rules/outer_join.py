"""LEFT, RIGHT, FULL, SEMI and ANTI joins: a change on the side that rows are sought in.

It can change only rows of the other side that have one of its keys: these are recomputed. A change on the side that
every row of comes through is linear.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from space_sql.views import tree
from space_sql.views.block import Block, among, select
from space_sql.views.relation import Build, NoRule
from space_sql.views.tree import Node

Step = Callable[[Build, Block, int, Sequence[tuple[str, str]]], str]

_SOUGHT = {
    "INNER": "",
    "LEFT": "right",
    "RIGHT": "left",
    "FULL": "both",
    "OUTER": "both",
    "SEMI": "right",
    "ANTI": "right",
}


def holds(node: Node, place: str) -> bool:
    """Whether a leaf is in a tree."""
    return any(part.get("table_name") == place for part in tree.walk(node))


def around(node: Node, place: str) -> Node | None:
    """The outermost join that does not let a leaf's change through as it is."""
    while node["type"] == "JOIN":
        side = "left" if holds(node["left"], place) else "right"
        if _SOUGHT[node["join_type"]] in (side, "both"):
            return node
        node = node[side]
    return None


def check(node: Node) -> None:
    """Raise NoRule for joins that are not understood."""
    for part in tree.walk(node, lambda n: n.get("class") != "SUBQUERY"):
        if part.get("type") != "JOIN":
            continue
        if part["ref_type"] not in ("REGULAR", "CROSS", "NATURAL") or part["join_type"] not in _SOUGHT:
            raise NoRule("join-kind", f"{part['ref_type']} {part['join_type']} JOIN")
        if any(n.get("class") == "SUBQUERY" for n in tree.walk(part.get("condition"))):
            raise NoRule("join-with-subquery", "a subquery in ON")


def predicate(build: Build, block: Block, i: int, join: Node, step: Step) -> str:
    """The condition on the block's rows that a change on the sought side can touch."""
    leaf = block.leaves[i]
    side, other = ("left", "right") if holds(join["left"], leaf.place) else ("right", "left")
    pairs = _keys(build, block, join)
    mine = [pair[side] for pair in pairs]
    theirs = [pair[other] for pair in pairs]
    inner = block.inside(select(mine, join[side]))
    columns = build.columns(inner.sql(inner.new))
    here = next(k for k, one in enumerate(inner.leaves) if one.place == leaf.place)
    keys = build.keys(columns, step(build, inner, here, columns))
    if join["join_type"] in ("FULL", "OUTER"):
        return f"({among(theirs, keys, nulls=True)} OR {among(mine, keys, nulls=True)})"
    return among(theirs, keys, nulls=len(theirs) > 1)


def _keys(build: Build, block: Block, join: Node) -> list[dict[str, Node]]:
    """The equalities of a join, each with its left and right side."""
    shared = list(join.get("using_columns") or [])
    if join["ref_type"] == "NATURAL":
        sides = [_names(build, block, join[side]) for side in ("left", "right")]
        shared = [name for name in sides[0] if name in sides[1]]
    if shared:
        return [{side: _column(block, join[side], name) for side in ("left", "right")} for name in shared]
    pairs = []
    for part in tree.conjuncts(join.get("condition")):
        if part.get("type") != "COMPARE_EQUAL":
            continue
        first = _side(build, block, join, part["left"])
        second = _side(build, block, join, part["right"])
        if first and second and first != second:
            pairs.append({first: part["left"], second: part["right"]})
    if not pairs:
        raise NoRule("join-without-equality", f"a {join['join_type']} JOIN needs an equality between its sides")
    return pairs


def _side(build: Build, block: Block, join: Node, expression: Node) -> str | None:
    """The side that an expression is about; None for both, neither or a constant."""
    if not any(n.get("class") == "COLUMN_REF" for n in tree.walk(expression)):
        return None
    fits = []
    for side in ("left", "right"):
        inner = block.inside(select([expression], join[side]))
        if build.binds(inner.sql(inner.new)):
            fits.append(side)
    return fits[0] if len(fits) == 1 else None


def _names(build: Build, block: Block, node: Node) -> list[str]:
    inner = block.inside({**select([], node), "select_list": tree.parse("SELECT * FROM t")["select_list"]})
    return [name.casefold() for name, _ in build.columns(inner.sql(inner.new))]


def _column(block: Block, node: Node, name: str) -> Node:
    """A column that both sides of a join share, as one side has it."""
    if any(part.get("join_type") in ("RIGHT", "FULL", "OUTER") for part in tree.walk(node)):
        raise NoRule("join-kind", "USING over a RIGHT or FULL JOIN")
    for leaf in block.leaves:
        if leaf.subquery is None and holds(node, leaf.place):
            for column, _ in leaf.relation.columns:
                if column.casefold() == name.casefold():
                    alias, column = (text.replace('"', '""') for text in (leaf.alias, column))
                    return tree.expression(f'"{alias}"."{column}"')
    raise NoRule("not-understood", f"the shared column {name}")
