"""Subqueries in expressions: EXISTS, IN, and those that give one value.

A change inside can change only the rows of the query around it for which it gives another answer: those with the
keys by which the subquery names it, those whose value is among what changed, or, for one value for all rows, all or
none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from space_sql.views import tree
from space_sql.views.block import Block, Leaf, among, select
from space_sql.views.relation import Build, NoRule
from space_sql.views.rules.outer_join import holds
from space_sql.views.tree import Node

Step = Callable[[Build, Block, int, Sequence[tuple[str, str]]], str]


def outermost(node: Node) -> Iterator[Node]:
    """The subqueries in the expressions of a SELECT, but for those inside of others."""
    for member in ("select_list", "where_clause", "group_expressions", "having", "qualify"):
        for part in tree.walk(node.get(member), lambda n: n.get("class") != "SUBQUERY"):
            if part.get("class") == "SUBQUERY":
                yield part


def predicate(build: Build, block: Block, i: int, step: Step) -> str:
    """The condition on the block's rows that a change of a leaf in a subquery can touch."""
    leaf = block.leaves[i]
    found = next((s for s in outermost(block.node) if holds(s, leaf.place)), None)
    if found is None:
        raise NoRule("correlated-subquery", "a subquery inside a subquery that names the query around both")
    told = next(s for s in block.subqueries if s.number == leaf.subquery)
    inner = found["subquery"]["node"]
    if told.alone and inner["type"] == "SELECT_NODE" and inner["from_table"].get("table_name") == leaf.place:
        return _alone(block, i, found)
    return _correlated(build, block, i, inner, step)


def _alone(block: Block, i: int, found: Node) -> str:
    relation = block.leaves[i].relation
    if found["subquery_type"] == "ANY":
        if found["comparison_type"] != "COMPARE_EQUAL":
            raise NoRule("subquery-comparison", "ANY or ALL with another comparison than =")
        child = tree.expression_sql(found["child"])
        column = relation.columns[0][0].replace('"', '""')
        same = f'{child} IN (SELECT "{column}" FROM {relation.delta} WHERE "{column}" IS NOT NULL)'
        if any(part is found for part in tree.conjuncts(block.node["where_clause"])):
            return same
        some = f'(SELECT count(*) > 0 FROM {relation.delta} WHERE "{column}" IS NULL)'
        return f"({same} OR {child} IS NULL OR {some})"
    whole = "EXISTS (FROM {})" if found["subquery_type"] in ("EXISTS", "NOT_EXISTS") else "(FROM {})"
    return f"({whole.format(relation.new)} IS DISTINCT FROM {whole.format(relation.old)})"


def _correlated(build: Build, block: Block, i: int, inner: Node, step: Step) -> str:
    leaf = block.leaves[i]
    if inner["type"] != "SELECT_NODE" or any(m["type"] != "ORDER_MODIFIER" for m in inner["modifiers"]):
        raise NoRule("correlated-subquery", "a correlated subquery with UNION, DISTINCT or LIMIT")
    mine, theirs, conditions = [], [], []
    for part in tree.conjuncts(inner["where_clause"]):
        if _binds(build, block, select([part], inner["from_table"])):
            conditions.append(part)
        elif part.get("type") == "COMPARE_EQUAL":
            for one, other in (("left", "right"), ("right", "left")):
                own = _binds(build, block, select([part[one]], inner["from_table"]))
                outer = _binds(build, block, select([part[other]], block.node["from_table"]))
                if own and outer and not _binds(build, block, select([part[other]], inner["from_table"])):
                    mine.append(part[one])
                    theirs.append(part[other])
                    break
    if not mine:
        raise NoRule("correlated-subquery", "a correlated subquery without an equality to the query around it")
    keyed = block.inside(select(mine, inner["from_table"], conditions))
    keyed = Block(keyed.node, tuple(_freed(one, keyed) for one in keyed.leaves), keyed.subqueries)
    here = next((k for k, one in enumerate(keyed.leaves) if one.place == leaf.place), None)
    if here is None:
        raise NoRule("correlated-subquery", "a subquery inside a subquery that names the query around both")
    columns = build.columns(keyed.sql(keyed.new))
    return among(theirs, build.keys(columns, step(build, keyed, here, columns)), nulls=len(theirs) > 1)


def _freed(leaf: Leaf, keyed: Block) -> Leaf:
    """A leaf of the subquery's own FROM is no longer in a subquery."""
    return replace(leaf, subquery=None) if holds(keyed.node["from_table"], leaf.place) else leaf


def _binds(build: Build, block: Block, node: Node) -> bool:
    inner = block.inside(node)
    return build.binds(inner.sql(inner.new))
