"""A table's name as a value: its row. A difference has one column more than the rows it is of, so columns are named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from space_sql.format.types import quote_identifier
from space_sql.views import tree
from space_sql.views.block import Leaf
from space_sql.views.relation import NoRule
from space_sql.views.tree import Node


def spelled_out(node: Node, leaves: Sequence[Leaf]) -> Node:
    """The tree of a SELECT with structs of columns in the place of such names.

    Raises:
        NoRule: a name may be a row or a column.
    """
    rows = {leaf.alias.casefold(): leaf for leaf in leaves}
    several = {name for name, count in Counter(leaf.alias.casefold() for leaf in leaves).items() if count > 1}
    columns = {name.casefold() for leaf in leaves if leaf.subquery is None for name, _ in leaf.relation.columns}
    inner = {name.casefold() for leaf in leaves if leaf.subquery is not None for name, _ in leaf.relation.columns}
    items = {str(item.get("alias") or "").casefold() for item in node["select_list"]}

    def change(part: Node) -> Node | None:
        if part.get("class") != "COLUMN_REF" or len(part["column_names"]) != 1:
            return None
        name = str(part["column_names"][0])
        leaf = rows.get(name.casefold())
        if leaf is None or name.casefold() in columns:
            return None
        if name.casefold() in inner | items | several:
            raise NoRule("not-understood", f"{name} may be a column, or the row of a table: give each an alias")
        return {**_struct(leaf), "alias": part.get("alias", "")}

    if not rows.keys() & {str((n.get("column_names") or [""])[0]).casefold() for n in tree.walk(node)}:
        return node
    changed: Node = tree.replaced(node, change)
    pairs = zip(node["select_list"], changed["select_list"], strict=True)
    named = [{**new, "alias": new.get("alias") or _name(old)} if new != old else new for old, new in pairs]
    return {**changed, "select_list": named}


def _struct(leaf: Leaf) -> Node:
    alias = quote_identifier(leaf.alias)
    names = [quote_identifier(name) for name, _ in leaf.relation.columns]
    return tree.expression(f"struct_pack({', '.join(f'{name} := {alias}.{name}' for name in names)})")


def _name(item: Node) -> str:
    """The name that an item without an alias has in the result, where it is a row itself."""
    return str(item["column_names"][-1]) if item.get("class") == "COLUMN_REF" else ""
