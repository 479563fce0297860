"""GROUP BY, with any aggregate, and windows with PARTITION BY: what changed touches groups, and these are recomputed.

The groups are found from the changed rows before grouping. Old groups go, new ones come; the restriction to them
stands in WHERE, where DuckDB moves it towards the files.
"""

from __future__ import annotations

from collections.abc import Sequence

from space_sql.views import tree
from space_sql.views.block import Block, Leaf, among, restricted, select
from space_sql.views.calls import aggregates, check_aggregate, check_window, windows
from space_sql.views.relation import Build, NoRule, coming, difference
from space_sql.views.rules import linear, outer_join, subquery
from space_sql.views.rules.merge import Merge, merge
from space_sql.views.rules.stored import Stored, leaving, shown
from space_sql.views.tree import Node

_AFTER = ("select_list", "having", "qualify")


def applies(node: Node) -> bool:
    """Whether a SELECT has groups or windows."""
    return is_grouped(node) or bool(windows([node[member] for member in _AFTER]))


def is_grouped(node: Node) -> bool:
    """Whether a SELECT has groups."""
    return bool(
        node["group_expressions"]
        or node["group_sets"]
        or node["aggregate_handling"] != "STANDARD_HANDLING"
        or aggregates([node[member] for member in _AFTER])
    )


def groups(build: Build, block: Block) -> list[Node]:
    """What a SELECT groups by, as expressions over its FROM."""
    node = block.node
    items = node["select_list"]
    if node["aggregate_handling"] == "FORCE_AGGREGATES":
        if any(n.get("class") == "STAR" for n in tree.walk(items)):
            raise NoRule("group-by-all", "GROUP BY ALL with *: name the columns")
        return [item for item in items if not aggregates(item) and not windows(item)]
    sets = node["group_sets"]
    common = [i for i in range(len(node["group_expressions"])) if all(i in some for some in sets)]
    if len(sets) > 1 and not common:
        raise NoRule("grouping-sets", "GROUPING SETS, ROLLUP or CUBE with a total over all rows")
    return [_resolved(build, block, node["group_expressions"][i]) for i in common]


def _resolved(build: Build, block: Block, expression: Node) -> Node:
    """What a position or an alias in GROUP BY stands for; columns come before aliases, as DuckDB has it."""
    items = block.node["select_list"]
    at = tree.position(expression)
    if at is not None:
        if at >= len(items) or any(n.get("class") == "STAR" for n in tree.walk(items[: at + 1])):
            raise NoRule("not-understood", "a position in GROUP BY after *")
        return dict(items[at])
    if expression.get("class") == "COLUMN_REF" and len(expression["column_names"]) == 1:
        bare = block.inside(select([expression], block.node["from_table"]))
        if not build.binds(bare.sql(bare.new)):
            name = expression["column_names"][0].casefold()
            for item in items:
                if (item.get("alias") or "").casefold() == name:
                    return dict(item)
    return expression


def check(build: Build, block: Block) -> list[Node]:
    """The keys of a block's groups or partitions; NoRule when they cannot be recomputed one by one."""
    node = block.node
    after = [node[member] for member in _AFTER]
    # DuckDB 1.5 reads list(x ORDER BY x) as list_sort(list(x), …).
    ordered = [n for n in tree.walk(after) if n.get("function_name") == "list_sort" and tree.arguments(n)]
    sorted_ = {id(tree.arguments(n)[0][1]) for n in ordered}
    for call in aggregates(after):
        if id(call) not in sorted_ or call["function_name"] not in ("list", "array_agg"):
            check_aggregate(call)
    grouped = is_grouped(node)
    keys = groups(build, block) if grouped else []
    if keys and node["aggregate_handling"] == "FORCE_AGGREGATES" and all(_is_constant(key) for key in keys):
        # DuckDB takes the constants out, and what is left has a row even where no rows are.
        raise NoRule("group-by-all", "GROUP BY ALL with nothing but constants to group by: leave it away")
    over = windows(after)
    if not over:
        return keys
    shared: list[Node] | None = None
    for window in over:
        check_window(window, _is_unique(block, window, keys if grouped else None))
        parts = {tree.expression_sql(p): p for p in window["partitions"]}
        shared = list(parts.values()) if shared is None else [p for p in shared if tree.expression_sql(p) in parts]
    if not shared:
        raise NoRule("window-without-partition", "a window over all rows: add PARTITION BY")
    if any(aggregates(p) or windows(p) for p in shared):
        raise NoRule("not-understood", "a window partitioned by an aggregate")
    return [_resolved(build, block, p) for p in shared]


def _is_constant(key: Node) -> bool:
    return not any(part.get("class") in ("COLUMN_REF", "SUBQUERY") for part in tree.walk(key))


def _is_unique(block: Block, window: Node, keys: list[Node] | None) -> bool:
    """Whether no two rows of a window's partition are equal in its ORDER BY."""
    terms = [*window["partitions"], *(o["expression"] for o in window["orders"])]
    if keys is not None:
        texts = {tree.expression_sql(term) for term in terms}
        return all(tree.expression_sql(key) in texts for key in keys)
    named = {
        (
            term["column_names"][0].casefold() if len(term["column_names"]) > 1 else "",
            term["column_names"][-1].casefold(),
        )
        for term in terms
        if term.get("class") == "COLUMN_REF"
    }
    leaves = [leaf for leaf in block.leaves if leaf.subquery is None]
    from_table = block.node["from_table"]
    if any(n.get("type") == "TABLE_FUNCTION" for n in tree.walk(from_table)) or not leaves:
        return False
    one = len(leaves) == 1
    return all(
        leaf.key
        and all(
            (leaf.alias.casefold(), k.casefold()) in named or (one and ("", k.casefold()) in named) for k in leaf.key
        )
        for leaf in leaves
    )


def delta(
    build: Build,
    block: Block,
    columns: Sequence[tuple[str, str]],
    keys: list[Node],
    stored: Stored | None,
    added: Merge | None,
) -> str:
    """The weighted rows by which a block with groups or windows changed.

    ``stored`` are the view's rows, where they are those of the block; ``added`` is how they may be added to.
    """
    node = block.node
    before = block.inside(
        select(keys or [tree.expression("1")], node["from_table"], tree.conjuncts(node["where_clause"]))
    )
    inside = {leaf.place for leaf in before.leaves}
    parts = []
    if before.changed:
        forms = _after(block, inside)
        keyed = shown(block, keys, columns) if keys and stored is not None and stored.fits(columns) else None
        if stored is not None and keyed is not None:
            stored.add(build, columns)
        if added is not None:
            touched, anew, merged = added.delta(build, block, keys)
            parts += [leaving(columns, added.keyed, touched), merged]
            parts.append(coming(columns, block.sql(forms, restricted(node, among(keys, anew, nulls=True)))))
        elif keys:
            items = build.columns(before.sql(before.new))
            touched = build.keys(items, linear.delta(build, before, items))
            narrowed = restricted(node, among(keys, touched, nulls=True))
            if keyed is None:
                parts.append(difference(columns, block.sql(forms, narrowed), block.sql(block.old, narrowed)))
            else:
                parts += [leaving(columns, keyed, touched), coming(columns, block.sql(forms, narrowed))]
        else:
            parts.append(difference(columns, block.sql(forms), block.sql(block.old)))
    for i, leaf in enumerate(block.leaves):
        if leaf.relation.changed and leaf.place not in inside:
            build.merging = None
            parts.append(_compared(block, i, inside, columns))
    return "\nUNION ALL\n".join(parts)


def mergeable(
    build: Build, block: Block, columns: Sequence[tuple[str, str]], keys: list[Node], stored: Stored | None
) -> Merge | None:
    """How what changed is added to the stored groups; None where they are computed anew."""
    if stored is None or not keys or not stored.fits(columns) or windows(block.node["select_list"]):
        return None
    keyed = shown(block, keys, columns)
    return None if keyed is None else merge(build, block, keys, keyed, columns)


def _after(block: Block, inside: set[str], upto: int = 0) -> dict[str, str]:
    """What each place names when the leaves before grouping are new, and of the others those before a step."""
    return {
        leaf.place: leaf.relation.new if leaf.place in inside or i < upto else leaf.relation.old
        for i, leaf in enumerate(block.leaves)
    }


def _compared(block: Block, i: int, inside: set[str], columns: Sequence[tuple[str, str]]) -> str:
    """What the change of one value for all groups does: nothing, or all of them are recomputed."""
    leaf: Leaf = block.leaves[i]
    told = next((s for s in block.subqueries if s.number == leaf.subquery), None)
    if told is None or not told.alone:
        raise NoRule("correlated-subquery", "a correlated subquery beside aggregates")
    found = next(s for s in subquery.outermost(block.node) if outer_join.holds(s, leaf.place))
    predicate = "true"
    if found["subquery_type"] == "SCALAR":
        predicate = f"((FROM {leaf.relation.new}) IS DISTINCT FROM (FROM {leaf.relation.old}))"
    node = restricted(block.node, predicate)
    # A SELECT without GROUP BY has a row even where no row satisfies a condition: the condition goes around it.
    if not block.node["group_expressions"] and block.node["aggregate_handling"] == "STANDARD_HANDLING":
        node = block.node
    new = block.sql({**_after(block, inside, i), leaf.place: leaf.relation.new}, node)
    old = block.sql({**_after(block, inside, i), leaf.place: leaf.relation.old}, node)
    return difference(columns, new, old)
