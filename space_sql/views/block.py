"""A SELECT as the rules see it: its tree, in which every relation that it reads is a place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from space_sql.views import tree
from space_sql.views.relation import WEIGHT, NoRule, Relation, difference, placed
from space_sql.views.tree import Node


@dataclass(frozen=True)
class Leaf:
    """A relation that a block reads. ``place`` is the table name that stands for it in the tree.

    ``subquery`` is None in FROM; else it counts the outermost expression subquery that the leaf is in.
    """

    place: str
    alias: str
    relation: Relation
    subquery: int | None = None
    key: tuple[str, ...] = ()
    inexact: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Subquery:
    """A subquery in an expression: ``alone`` when it names nothing of the query around it."""

    number: int
    alone: bool


@dataclass(frozen=True)
class Block:
    """A SELECT without DISTINCT, ORDER BY and LIMIT. Leaves change one after the other, in their order."""

    node: Node
    leaves: tuple[Leaf, ...]
    subqueries: tuple[Subquery, ...] = ()

    @property
    def changed(self) -> list[int]:
        """Which leaves changed."""
        return [i for i, leaf in enumerate(self.leaves) if leaf.relation.changed]

    def forms(self, step: int) -> dict[str, str]:
        """What each place names in a step: leaves before it are new already, those after it old."""
        return {leaf.place: leaf.relation.new if i < step else leaf.relation.old for i, leaf in enumerate(self.leaves)}

    @property
    def new(self) -> dict[str, str]:
        """What each place names when all leaves are new."""
        return self.forms(len(self.leaves))

    @property
    def old(self) -> dict[str, str]:
        """What each place names when all leaves are old."""
        return {leaf.place: leaf.relation.old for leaf in self.leaves}

    def sql(self, forms: Mapping[str, str], node: Node | None = None) -> str:
        """The block as text."""
        return tree.render(placed(node or self.node, dict(forms)))

    def inside(self, node: Node) -> Block:
        """Another SELECT over some of the same places; its leaves change in the same order."""
        there = {part.get("table_name") for part in tree.walk(node) if part.get("type") == "BASE_TABLE"}
        return Block(node, tuple(leaf for leaf in self.leaves if leaf.place in there), self.subqueries)


def select(items: Sequence[Node], from_table: Node, where: Sequence[Node] = ()) -> Node:
    """A SELECT of expressions, named ``_space_k0`` and so on."""
    node = tree.parse("SELECT 1")
    node["select_list"] = [{**item, "alias": f"_space_k{i}"} for i, item in enumerate(items)]
    node["from_table"] = from_table
    node["where_clause"] = tree.conjunction(list(where))
    return node


def restricted(node: Node, predicate: str) -> Node:
    """The SELECT with one more condition on its rows."""
    return {
        **node,
        "where_clause": tree.conjunction([*tree.conjuncts(node["where_clause"]), tree.expression(predicate)]),
    }


def among(expressions: Sequence[Node], keys: str, *, nulls: bool) -> str:
    """The condition that expressions have one of the values of ``keys``; with ``nulls``, NULL is a value."""
    texts = [tree.expression_sql(e) for e in expressions]
    if len(texts) == 1 and not nulls:
        return f"{texts[0]} IN (SELECT _space_k0 FROM {keys})"
    left = ", ".join(f"'k{i}': {text}" for i, text in enumerate(texts))
    right = ", ".join(f"'k{i}': _space_k{i}" for i in range(len(texts)))
    return f"{{{left}}} IN (SELECT {{{right}}} FROM {keys})"


def weighted(block: Block, step: int) -> str:
    """What a leaf's change does where it comes in linearly: the block over the leaf's delta."""
    leaf = block.leaves[step]
    items = [_without_weight(item, leaf.alias) for item in block.node["select_list"]]
    weight = tree.expression(WEIGHT)
    node = {**block.node, "select_list": [*items, {**weight, "alias": WEIGHT}]}
    return block.sql({**block.forms(step), leaf.place: leaf.relation.delta}, node)


def _without_weight(item: Node, alias: str) -> Node:
    def change(part: Node) -> Node | None:
        if part.get("class") == "SUBQUERY":
            return part
        if part.get("class") != "STAR":
            return None
        if part.get("columns") or part.get("expr"):
            raise NoRule("columns-expression", "COLUMNS(…) chooses columns by a rule: name them")
        relation = part.get("relation_name") or ""
        if relation and relation.casefold() != alias.casefold():
            return part
        return {**part, "exclude_list": [*part.get("exclude_list", []), WEIGHT]}

    changed: Node = tree.replaced(item, change)
    return changed


def recomputed(block: Block, step: int, columns: Sequence[tuple[str, str]], predicate: str) -> str:
    """What a leaf's change does to the rows that satisfy a condition: they go as they were and come as they are."""
    leaf = block.leaves[step]
    node = restricted(block.node, predicate)
    forms = block.forms(step)
    return difference(
        columns,
        block.sql({**forms, leaf.place: leaf.relation.new}, node),
        block.sql({**forms, leaf.place: leaf.relation.old}, node),
    )
