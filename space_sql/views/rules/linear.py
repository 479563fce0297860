"""Filters, projections, UNNEST and inner joins: a leaf's change comes in as it is.

A join of N relations has N terms: the change of each, with those before it as they are and those after it as they
were. Leaves that did not change have none.
"""

from __future__ import annotations

from collections.abc import Sequence

from space_sql.views.block import Block, recomputed, weighted
from space_sql.views.relation import Build
from space_sql.views.rules import outer_join, subquery


def delta(build: Build, block: Block, columns: Sequence[tuple[str, str]]) -> str:
    """The weighted rows by which a block without groups and windows changed."""
    return "\nUNION ALL\n".join(step(build, block, i, columns) for i in block.changed)


def step(build: Build, block: Block, i: int, columns: Sequence[tuple[str, str]]) -> str:
    """What the change of one leaf does."""
    leaf = block.leaves[i]
    if leaf.subquery is not None:
        return recomputed(block, i, columns, subquery.predicate(build, block, i, step))
    join = outer_join.around(block.node["from_table"], leaf.place)
    if join is not None:
        return recomputed(block, i, columns, outer_join.predicate(build, block, i, join, step))
    return weighted(block, i)


def grows(block: Block) -> bool:
    """Whether rows can only come: all that changed grew, and comes in as it is."""
    from_table = block.node["from_table"]
    return all(
        block.leaves[i].relation.grows
        and block.leaves[i].subquery is None
        and outer_join.around(from_table, block.leaves[i].place) is None
        for i in block.changed
    )


def tell(build: Build, block: Block) -> None:
    """Say which rules a block's leaves come in by."""
    leaves = [leaf for leaf in block.leaves if leaf.subquery is None]
    node = block.node
    if node["where_clause"]:
        build.tell("filter", "linear")
    build.tell("projection", "linear")
    if len(leaves) > 1:
        build.tell("join", "terms")
    for leaf in leaves:
        if outer_join.around(node["from_table"], leaf.place) is not None:
            build.tell("outer, semi or anti join", "touched-keys")
