"""What a materialized view stores of its query, so that it stands for itself.

Views of the caller's catalogue are put in place of their names, and every dataset that is read becomes a source: a
table ``_space_source_1``, with where it is and which version is meant.

Source: docs/format.md, section "View".
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from space_sql.dataset.dataset import folder
from space_sql.errors import FormatError, InvalidInputError, NotFoundError
from space_sql.format.computed import Called
from space_sql.format.paths import MARKER
from space_sql.views import tree
from space_sql.views.tree import Node

_NAME = r'(?:"(?:[^"]|"")+"|[^\s".(),;]+)'
_VIEW = re.compile(
    rf"CREATE\s+(?:OR\s+REPLACE\s+)?(?:TEMP(?:ORARY)?\s+)?VIEW\s+(?:IF\s+NOT\s+EXISTS\s+)?{_NAME}(?:\.{_NAME}){{0,2}}"
    rf"\s*(?:\((?P<columns>(?:\s*{_NAME}\s*,?)+)\))?\s*AS\s*(?P<query>.*)",
    re.IGNORECASE | re.DOTALL,
)
_DEPTH = 100
_SCAN = "space_scan"
_CONSTANT = {"range", "generate_series", "unnest", "repeat"}


@dataclass(frozen=True)
class Source:
    """A dataset that a view reads.

    ``path`` is relative to the view's folder where both lie in one folder, else absolute. ``version`` is what the
    query says; ``branch`` is the session's branch when it says nothing. ``snapshot_id`` is the one last applied.
    """

    name: str
    path: str
    dataset_id: str
    version: str | None
    branch: str | None
    snapshot_id: int

    def folder(self, root: Path) -> str:
        """Where it is, as seen from the view's folder."""
        return os.path.normpath(root / self.path)

    def encode(self) -> dict[str, Any]:
        """As the log has it."""
        return dict(self.__dict__)


@dataclass(frozen=True)
class Table:
    """A table or file of the caller that is declared not to change; ``columns`` as they were."""

    name: str
    sql: str
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Definition:
    """A view's query over its sources, and what the user wrote."""

    sql: str
    query: str
    sources: tuple[Source, ...]
    static: tuple[Table, ...] = ()
    primary_keys: tuple[str, ...] = ()
    time_zone: str = "UTC"
    refresh: Mapping[str, Any] = field(default_factory=dict)
    functions: tuple[Called, ...] = ()
    settings: str | None = None

    def encode(self) -> dict[str, Any]:
        """As the log has it."""
        told = {
            "sql": self.sql,
            "query": self.query,
            "sources": [s.encode() for s in self.sources],
            "static": [{"name": t.name, "sql": t.sql, "columns": [list(c) for c in t.columns]} for t in self.static],
            "primary_keys": list(self.primary_keys),
            "time_zone": self.time_zone,
            "refresh": dict(self.refresh),
        }
        if self.functions:
            told["functions"] = [f.encode() for f in self.functions]
        if self.settings is not None:
            told["settings"] = self.settings
        return told

    @staticmethod
    def decode(data: Mapping[str, Any]) -> Definition:
        """Read it from the log."""
        try:
            return Definition(
                data["sql"],
                data["query"],
                tuple(
                    Source(s["name"], s["path"], s["dataset_id"], s["version"], s["branch"], s["snapshot_id"])
                    for s in data["sources"]
                ),
                tuple(Table(t["name"], t["sql"], tuple((n, c) for n, c in t["columns"])) for t in data["static"]),
                tuple(data["primary_keys"]),
                data["time_zone"],
                data.get("refresh", {}),
                tuple(Called.decode(f) for f in data.get("functions", ())),
                data.get("settings"),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"the view's definition cannot be read: {error!r}") from error

    def at(self, snapshots: Mapping[str, int], refresh: Mapping[str, Any]) -> Definition:
        """The definition with newer positions."""
        sources = tuple(replace(s, snapshot_id=snapshots[s.name]) for s in self.sources)
        return replace(self, sources=sources, refresh=refresh)


@dataclass(frozen=True)
class Catalogue:
    """What the caller's catalogue says: views as ``database, schema, name, sql``, tables with their columns."""

    views: Sequence[Mapping[str, Any]] = ()
    tables: Sequence[Mapping[str, Any]] = ()

    def view(self, names: Sequence[str]) -> str | None:
        """The SQL of a view."""
        found = self._found(self.views, names, "sql")
        return None if found is None else str(found)

    def table(self, names: Sequence[str]) -> Any:
        """The columns of a table."""
        return self._found(self.tables, names, "columns")

    @staticmethod
    def _found(rows: Sequence[Mapping[str, Any]], names: Sequence[str], member: str) -> Any:
        wanted = [name.casefold() for name in names]
        fits = [row for row in rows if row["name"].casefold() == wanted[-1]]
        if len(wanted) > 1:
            fits = [r for r in fits if wanted[-2] in (r["schema"].casefold(), r["database"].casefold())]
        if len(wanted) > 2:
            fits = [r for r in fits if wanted[-3] == r["database"].casefold()]
        fits.sort(key=lambda row: (row["database"] != "temp", not row.get("current")))
        return fits[0][member] if fits else None


@dataclass
class Reader:
    """Puts views in the place of their names and sources in the place of datasets.

    ``resolve`` gives dataset id and snapshot id of a path and version.
    """

    root: Path
    catalogue: Catalogue
    static: Sequence[str]
    branch: str | None
    resolve: Callable[[str, str | None, str | None], tuple[str, int]]
    sources: list[Source] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)

    def definition(self, text: str) -> Definition:
        """The definition of a view's name or a query."""
        query = self._query_of(text)
        node = self._expanded(tree.parse(query), frozenset(), 0)
        return Definition(query, tree.written(node), tuple(self.sources), tuple(self.tables))

    def _query_of(self, text: str) -> str:
        bare = text.strip()
        names = _names(bare)
        if names:
            sql = self.catalogue.view(names)
            if sql is None:
                raise NotFoundError(f"no view {bare}; give the name of a view, or a query")
            return _view_query(sql)
        return bare.rstrip(";").strip()

    def _expanded(self, node: Node, scope: frozenset[str], depth: int) -> Node:
        """A query with its tables looked up; ``scope`` are the names of WITH around it."""
        if depth > _DEPTH:
            raise InvalidInputError("views refer to each other in a circle")
        entries = tree.ctes(node)
        if entries:
            node = tree.copied(node)
            for name, value in tree.ctes(node):
                inner = tree.cte_query(value)
                own = scope | {name.casefold()} if inner["type"] == "RECURSIVE_CTE_NODE" else scope
                new = self._expanded(inner, own, depth)
                inner.clear()
                inner.update(new)
                scope = scope | {name.casefold()}
        kept = node.get("cte_map")

        def change(part: Node) -> Node | None:
            kind = part.get("type")
            if part is not node and "cte_map" in part and kind in ("SELECT_NODE", "SET_OPERATION_NODE"):
                return self._expanded(part, scope, depth)
            if kind == "BASE_TABLE":
                return self._table(part, scope, depth)
            if kind == "TABLE_FUNCTION":
                return self._function(part)
            return None

        body = {name: value for name, value in node.items() if name != "cte_map"}
        changed: Node = {name: tree.replaced(value, change) for name, value in body.items()}
        return {**changed, "cte_map": kept}

    def _table(self, part: Node, scope: frozenset[str], depth: int) -> Node | None:
        name = part["table_name"]
        names = [n for n in (part.get("catalog_name"), part.get("schema_name"), name) if n]
        if len(names) == 1 and name.casefold() in scope:
            return None
        alias = part.get("alias") or name
        shown = ".".join(names)
        if part.get("at_clause"):
            raise InvalidInputError(f"AT (…) in a view: a dataset's version is space_scan('{shown}', version => …)")
        if any(shown.casefold() == s.casefold() or name.casefold() == s.casefold() for s in self.static):
            return self._static(part, shown, names, alias)
        sql = self.catalogue.view(names)
        if sql is not None:
            new = tree.parse(f"SELECT * FROM (SELECT 1) AS {_quoted(alias)}")["from_table"]
            inner = self._expanded(tree.parse(_view_query(sql)), frozenset(), depth + 1)
            new["subquery"] = {**new["subquery"], "node": inner}
            return tree.in_place_of(part, new)
        if len(names) == 1 and self.catalogue.table(names) is None:
            path, _, version = name.rpartition("@") if not _is_dataset(name) else (name, "", "")
            if path and _is_dataset(path):
                return self._source(part, path, version or None, alias)
        raise InvalidInputError(
            f"{shown} is not a dataset: a view reads datasets with space_scan, and tables or files that are declared "
            f"not to change: static => ['{shown}']"
        )

    def _static(self, part: Node, shown: str, names: list[str], alias: str) -> Node:
        table = f"_space_static_{len(self.tables) + 1}"
        columns = self.catalogue.table(names) or []
        self.tables.append(Table(table, ".".join(_quoted(n) for n in names), tuple((n, t) for n, t in columns)))
        return tree.in_place_of(part, tree.table(table, alias))

    def _function(self, part: Node) -> Node | None:
        call = part["function"]
        name = call["function_name"].casefold()
        given = tree.arguments(call)
        if name == _SCAN:
            told: dict[str, Any] = {}
            for place, (argument, expression) in enumerate(given):
                value = tree.constant(expression)
                if value is ...:
                    raise InvalidInputError("space_scan in a view takes constants: a path and a version")
                told[argument.casefold() or ("path", "version", "as_of", "records")[place]] = value
            if told.get("as_of") is not None or told.get("records") is not None:
                raise InvalidInputError("space_scan in a view takes path and version, not as_of or records")
            version = told.get("version")
            version = None if version is None else str(version)
            return self._source(part, told.get("path"), version, part.get("alias") or name)
        if name in _CONSTANT:
            return None
        paths = [tree.constant(expression) for _, expression in given]
        if any(isinstance(p, str) and p in self.static for p in paths) or name in self.static:
            table = f"_space_static_{len(self.tables) + 1}"
            self.tables.append(Table(table, tree.expression_sql(call), ()))
            return tree.in_place_of(part, tree.table(table, part.get("alias") or name))
        raise InvalidInputError(
            f"{name}(…) is not a dataset: a view reads datasets with space_scan, and files that are declared not to "
            "change: static => ['their path']"
        )

    def _source(self, part: Node, path: str | None, version: str | None, alias: str) -> Node:
        root = folder(path)
        if root == self.root:
            raise InvalidInputError(f"a view cannot read itself: {root}")
        branch = self.branch if version is None else None
        dataset_id, snapshot_id = self.resolve(str(root), version, branch)
        written = _relative(root, self.root)
        for source in self.sources:
            if (source.path, source.version, source.branch) == (written, version, branch):
                break
        else:
            name = f"_space_source_{len(self.sources) + 1}"
            source = Source(name, written, dataset_id, version, branch, snapshot_id)
            self.sources.append(source)
        return tree.in_place_of(part, tree.table(source.name, alias))


def _relative(path: Path, root: Path) -> str:
    """A source's place as seen from the view's folder, where both are below one folder."""
    common = os.path.commonpath([path, root])
    return os.path.relpath(path, root) if len(Path(common).parts) > 1 else str(path)


def _is_dataset(name: str) -> bool:
    return bool(name) and "\x00" not in name and (folder(name) / MARKER).is_file()


def _names(text: str) -> list[str] | None:
    """The parts of a name with dots; None when the text is more than a name."""
    if not re.fullmatch(rf"{_NAME}(?:\.{_NAME}){{0,2}}", text):
        return None
    return [part[1:-1].replace('""', '"') if part.startswith('"') else part for part in re.findall(_NAME, text)]


def _columns(text: str | None) -> list[str]:
    parts = re.findall(_NAME, text or "")
    return [part[1:-1].replace('""', '"') if part.startswith('"') else part for part in parts]


def _view_query(sql: str) -> str:
    found = _VIEW.match(sql.strip())
    if found is None:
        raise InvalidInputError("a view whose definition cannot be read; give its query instead")
    query = found["query"].strip().rstrip(";").strip()
    columns = _columns(found["columns"])
    if columns:
        return f"SELECT * FROM ({query}) AS _space_view({', '.join(map(_quoted, columns))})"
    return query


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
