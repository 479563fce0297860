"""From a view's query to the named queries of a refresh: each operator by its rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from space_sql.views import inexact, keys, tree
from space_sql.views.block import Block, Leaf, Subquery
from space_sql.views.calls import check_functions, windows
from space_sql.views.relation import Build, NoRule, Relation, names
from space_sql.views.row_values import spelled_out
from space_sql.views.rules import group, limit, linear, outer_join, rows
from space_sql.views.rules.stored import Stored
from space_sql.views.tree import Node

COLLATION = ("collation", "texts that differ may be equal, and are not told apart: compare lower(…)")
_CONSTANT_TABLES = {"range", "generate_series", "unnest", "repeat"}


def collated(query: str) -> bool:
    """Whether a query says that texts which differ may be equal."""
    return "COLLATE" in query.upper() and any(part.get("class") == "COLLATE" for part in tree.walk(tree.parse(query)))


@dataclass(frozen=True)
class Found:
    """A relation with the columns that identify its rows, if they are known."""

    relation: Relation
    key: tuple[str, ...] = ()
    inexact: frozenset[str] = frozenset()


Scope = Mapping[str, Found]


@dataclass
class Compiler:
    """Compiles queries over sources, which are tables of given names; ``stored`` are the rows of the whole view."""

    build: Build
    sources: Mapping[str, Found]
    stored: Stored | None = None
    _whole: Node = field(default_factory=dict)
    _subqueries: int = field(default=0)
    _repeated: set[str] = field(default_factory=set)
    _first: int = field(default=0)

    def view(self, sql: str) -> Found:
        """The relation that a whole view is."""
        if collated(sql):
            raise NoRule(*COLLATION)
        node = tree.parse(sql)
        check_functions(node)
        self._whole = node
        found = self.query(node, {})
        for part in tree.walk(node):
            named = (part.get("column_names") or [""])[:-1] or [part.get("relation_name") or ""]
            if any(name.casefold() in self._repeated for name in named if name):
                raise NoRule("not-understood", f"{named[0]} names two relations: give each an alias")
        return found

    def query(self, node: Node, scope: Scope) -> Found:
        """The relation of a query."""
        stored = self.stored if node is self._whole else None
        for name, value in tree.ctes(node):
            inner = tree.cte_query(value)
            if inner["type"] == "RECURSIVE_CTE_NODE":
                raise NoRule("recursive", "a recursive CTE")
            found = self.query(inner, scope)
            if value.get("aliases"):
                found = self._renamed(found, value["aliases"])
            scope = {**scope, name.casefold(): found}
        node = {**node, "cte_map": {"map": []}}
        kinds = [m["type"] for m in node["modifiers"]]
        if "LIMIT_MODIFIER" in kinds or "LIMIT_PERCENT_MODIFIER" in kinds:
            return self._limited(node, scope)
        distinct = next((m for m in node["modifiers"] if m["type"] == "DISTINCT_MODIFIER"), None)
        if distinct is not None and distinct["distinct_on_targets"]:
            raise NoRule("ties", "DISTINCT ON keeps any of the rows that its ORDER BY leaves open")
        node = {**node, "modifiers": []}
        found = self._plain(node, scope, stored if distinct is None else None)
        if distinct is None:
            return found
        if found.inexact:
            raise inexact.refused(found.inexact)
        relation = rows.distinct(self.build, found.relation)
        return Found(relation, tuple(name for name, _ in relation.columns))

    def _plain(self, node: Node, scope: Scope, stored: Stored | None) -> Found:
        if node["type"] == "SET_OPERATION_NODE":
            return self._set_operation(node, scope)
        if node["type"] != "SELECT_NODE":
            raise NoRule("not-understood", node["type"])
        return self._select(node, scope, stored)

    def _renamed(self, found: Found, aliases: list[str]) -> Found:
        columns = found.relation.columns
        renamed = [(aliases[i] if i < len(aliases) else name, type_) for i, (name, type_) in enumerate(columns)]
        shown = names(renamed)
        relation = found.relation
        new, old = (f"SELECT * FROM {table} AS _space_q({shown})" for table in (relation.new, relation.old))
        delta = f"SELECT * FROM {relation.delta} AS _space_q({shown}, _space_w)" if relation.changed else None
        now = {name.casefold(): renamed[i][0] for i, (name, _) in enumerate(columns)}
        key = tuple(now[name.casefold()] for name in found.key)
        vague = frozenset(now[name].casefold() for name in found.inexact)
        return Found(self.build.add(renamed, new, old, delta, grows=relation.grows), key, vague)

    def _limited(self, node: Node, scope: Scope) -> Found:
        """ORDER BY with LIMIT: the rows that it lets through go as they were and come as they are."""
        inner = {**node, "modifiers": [m for m in node["modifiers"] if m["type"] == "DISTINCT_MODIFIER"]}
        under = self.query(inner, scope)
        limit.check(node, under.relation.columns, under.key)
        block = self._block({**node, "modifiers": []}, scope)
        return Found(limit.limited(self.build, block, node, under.relation), under.key, under.inexact)

    def _set_operation(self, node: Node, scope: Scope) -> Found:
        found = [self.query(child, scope) for child in tree.children(node)]
        sources = [one.relation for one in found]
        kind = node["setop_type"]
        vague = any(one.inexact for one in found)
        if vague and not (kind.startswith("UNION") and node["setop_all"]):
            raise inexact.refused(name for one in found for name in one.inexact)
        if kind not in ("UNION", "UNION_BY_NAME", "INTERSECT", "EXCEPT"):
            raise NoRule("not-understood", kind)
        by_name = kind == "UNION_BY_NAME"
        stand_ins = [tree.parse(f"SELECT * FROM {source.new}") for source in sources]
        columns = self.build.columns(tree.render(tree.with_children(node, stand_ins)))
        operator = "UNION" if by_name else kind
        operator = f"{operator} ALL" if node["setop_all"] else operator
        relation = rows.set_operation(self.build, operator, columns, sources, by_name=by_name)
        every = frozenset(name.casefold() for name, _ in columns) if vague else frozenset()
        return Found(relation, () if node["setop_all"] else tuple(name for name, _ in columns), every)

    def _select(self, node: Node, scope: Scope, stored: Stored | None) -> Found:
        block = self._block(node, scope)
        build = self.build
        new = block.sql(block.new)
        columns = build.columns(new)
        delta = None
        if group.applies(block.node):
            by = group.check(build, block)
            inexact.check(build, block, by)
            grouped = group.is_grouped(block.node)
            if block.node["where_clause"]:
                build.tell("filter", "linear")
            if len(block.leaves) > 1:
                build.tell("join", "terms")
            added = group.mergeable(build, block, columns, by, stored) if grouped else None
            if added is not None:
                build.tell("group by", "merge", "columns of the view")
            elif grouped:
                build.tell("group by" if by else "aggregate", "touched-keys" if by else "recompute")
            if block.node["having"]:
                build.tell("having", "touched-keys")
            if windows([block.node[m] for m in ("select_list", "having", "qualify")]):
                build.tell("window", "touched-keys")
            delta = group.delta(build, block, columns, by, stored, added) or None
            key = self._group_key(block, by) if grouped else self._linear_key(block, columns)
        else:
            inexact.check(build, block, [])
            linear.tell(build, block)
            delta = linear.delta(build, block, columns) or None
            key = self._linear_key(block, columns)
        vague = inexact.columns(build, block, columns)
        grows = not group.applies(block.node) and linear.grows(block)
        return Found(build.add(columns, new, block.sql(block.old), delta, grows=grows), key, vague)

    def _group_key(self, block: Block, keys: list[Node]) -> tuple[str, ...]:
        if len(block.node["group_sets"]) > 1:
            return ()
        texts = {tree.expression_sql(item): item for item in block.node["select_list"] if item.get("class") != "STAR"}
        out = []
        for key in keys:
            item = texts.get(tree.expression_sql(key))
            if item is None:
                return ()
            out.append(item.get("alias") or (item["column_names"][-1] if item.get("class") == "COLUMN_REF" else ""))
        return tuple(out) if all(out) else ()

    def _linear_key(self, block: Block, columns: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
        """The keys of all leaves, where each is a column of the result; but for those that another leaf names."""
        if any(n.get("type") == "TABLE_FUNCTION" for n in tree.walk(block.node["from_table"])):
            return ()
        if any(n.get("function_name") == "unnest" for n in tree.walk(block.node["select_list"])):
            return ()
        leaves = [leaf for leaf in block.leaves if leaf.subquery is None]
        output = {name.casefold(): name for name, _ in columns}
        out: list[str] = []
        found = []
        for leaf in leaves:
            shown = [self._shown(block, leaf, key, leaves) for key in leaf.key]
            named = [output[name.casefold()] for name in shown if name is not None and name.casefold() in output]
            if named and len(named) == len(leaf.key):
                found.append(leaf)
                out += named
        return tuple(dict.fromkeys(out)) if keys.determined(block.node, leaves, found) else ()

    @staticmethod
    def _shown(block: Block, leaf: Leaf, key: str, leaves: Sequence[Leaf]) -> str | None:
        for item in block.node["select_list"]:
            if keys.column(item, leaves) == (leaf.alias.casefold(), key.casefold()):
                return str(item.get("alias") or item["column_names"][-1])
            if item.get("class") == "STAR" and not item.get("columns") and len(leaves) == 1:
                plain = not item.get("replace_list") and not item.get("rename_list")
                if plain and key.casefold() not in str(item.get("exclude_list", [])).casefold():
                    return key
        return None

    def _block(self, node: Node, scope: Scope) -> Block:
        """The block of a SELECT: every relation becomes a place."""
        leaves: list[Leaf] = []
        told: list[Subquery] = []
        from_table = self._whole_from(node["from_table"], scope, leaves, None)
        outer_join.check(from_table)
        node = {**node, "from_table": from_table}
        node = self._with_subqueries(node, scope, leaves, told, None)
        return Block(spelled_out(node, leaves), tuple(leaves), tuple(told))

    def _with_subqueries(
        self, node: Node, scope: Scope, leaves: list[Leaf], told: list[Subquery], outer: int | None
    ) -> Node:
        def change(part: Node) -> Node | None:
            if part.get("class") != "SUBQUERY":
                return None
            self._subqueries += 1
            number = self._subqueries if outer is None else outer
            inner = part["subquery"]["node"]
            steps = list(self.build.steps)
            try:
                found = self.query(inner, scope)
            except NoRule as reason:
                self.build.steps[:] = steps
                if reason.code != "not-understood":
                    raise
            else:
                place = self._place(leaves, "_space_sub", found, number)
                told.append(Subquery(number, alone=True))
                self.build.tell("subquery", "touched-keys")
                new = tree.parse(f"SELECT * FROM {place}")
                child = self._with_child(part, change)
                return {**child, "subquery": {**part["subquery"], "node": new}}
            if inner["type"] != "SELECT_NODE" or tree.ctes(inner):
                raise NoRule("correlated-subquery", "a correlated subquery with WITH or UNION")
            told.append(Subquery(number, alone=False))
            self.build.tell("correlated subquery", "touched-keys")
            new_from = self._whole_from(inner["from_table"], scope, leaves, number)
            outer_join.check(new_from)
            opened = self._with_subqueries({**inner, "from_table": new_from}, scope, leaves, told, number)
            child = self._with_child(part, change)
            return {**child, "subquery": {**part["subquery"], "node": opened}}

        members = ("select_list", "where_clause", "group_expressions", "having", "qualify")
        return {**node, **{member: tree.replaced(node[member], change) for member in members}}

    @staticmethod
    def _with_child(part: Node, change: Callable[[Node], Node | None]) -> Node:
        return {**part, "child": tree.replaced(part["child"], change)} if part.get("child") else part

    def _place(self, leaves: list[Leaf], alias: str, found: Found, number: int | None) -> str:
        place = f"_space_leaf_{self.build.next()}"
        leaves.append(Leaf(place, alias, found.relation, number, found.key, found.inexact))
        return place

    def _whole_from(self, node: Node, scope: Scope, leaves: list[Leaf], number: int | None) -> Node:
        before, self._first = self._first, len(leaves)
        try:
            return self._from(node, scope, leaves, number)
        finally:
            self._first = before

    def _from(self, node: Node, scope: Scope, leaves: list[Leaf], number: int | None) -> Node:
        kind = node["type"]
        if node.get("sample"):
            raise NoRule("not-deterministic", "a sample is not the same at every call")
        if kind == "JOIN":
            left = self._from(node["left"], scope, leaves, number)
            return {**node, "left": left, "right": self._from(node["right"], scope, leaves, number)}
        if kind == "BASE_TABLE":
            name = node["table_name"]
            plain = not node.get("schema_name") and not node.get("catalog_name")
            found = scope.get(name.casefold()) if plain else None
            found = found or self.sources.get(name)
            if found is None or node.get("at_clause"):
                raise NoRule("not-understood", f"the table {name}")
            return self._placed(node, found, node.get("alias") or name, leaves, number)
        if kind == "SUBQUERY":
            found = self.query(node["subquery"]["node"], scope)
            return self._placed(node, found, node.get("alias") or "_space_unnamed", leaves, number)
        if kind == "TABLE_FUNCTION":
            if node["function"]["function_name"].casefold() not in _CONSTANT_TABLES:
                raise NoRule("table-function", f"{node['function']['function_name']}(…) in FROM")
            if any(n.get("class") == "SUBQUERY" for n in tree.walk(node)):
                raise NoRule("table-function", "a subquery in a table function")
            if node["function"]["function_name"].casefold() == "unnest":
                self.build.tell("unnest", "linear")
            return node
        if kind in ("EMPTY", "EXPRESSION_LIST", "EMPTY_FROM"):
            if any(n.get("class") == "SUBQUERY" for n in tree.walk(node)):
                raise NoRule("not-understood", "a subquery in VALUES")
            return node
        raise NoRule("not-understood", f"{kind} in FROM")

    def _placed(self, node: Node, found: Found, alias: str, leaves: list[Leaf], number: int | None) -> Node:
        if any(leaf.alias.casefold() == alias.casefold() for leaf in leaves[self._first :]):
            self._repeated.add(alias.casefold())
            alias = f"_space_{alias}_{len(leaves)}"
        place = self._place(leaves, alias, found, number)
        new = tree.table(place, alias)
        new["column_name_alias"] = node.get("column_name_alias", [])
        if new["column_name_alias"]:
            renamed = self._renamed(found, node["column_name_alias"])
            leaves[-1] = replace(leaves[-1], relation=renamed.relation, key=renamed.key, inexact=renamed.inexact)
            new["column_name_alias"] = []
        return new
