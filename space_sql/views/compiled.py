"""Compiled refreshes: what a view's query becomes for sources of a shape, whatever they hold; kept, for it is slow."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from space_sql.dataset.engine import cursor
from space_sql.format.computed import Called
from space_sql.format.types import quote_identifier
from space_sql.views.compile import Compiler, Found
from space_sql.views.definition import Table
from space_sql.views.functions import declare
from space_sql.views.relation import WEIGHT, Build
from space_sql.views.rules.stored import Stored

STORED = "\0stored\0"
"""Stands for the query of the view's rows; queries of sources have such marks too, which no text of a query has."""

TOUCHED = "_space_touched"
_MARK = re.compile("\0[^\0]+\0")


@dataclass(frozen=True)
class Shape:
    """What of a source tells how its changes are computed."""

    name: str
    columns: tuple[tuple[str, str], ...]
    key: tuple[str, ...]
    full: frozenset[str]
    changed: bool
    grows: bool

    def texts(self, new: str, old: str, delta: str) -> dict[str, str]:
        """What the marks stand for."""
        return dict(zip(self._marks, (new, old, delta), strict=True))

    def changing_by(self, delta: str) -> dict[str, str]:
        """What the mark of its difference stands for."""
        return {self._marks[2]: delta}

    @property
    def _marks(self) -> tuple[str, str, str]:
        return (f"\0{self.name}.new\0", f"\0{self.name}.old\0", f"\0{self.name}.delta\0")

    def add(self, build: Build) -> Found:
        """The source as a relation."""
        new, old, delta = self._marks
        changed = delta if self.changed else None
        relation = build.add(self.columns, new, old, changed, self.full, grows=self.grows, net=False)
        return Found(relation, self.key)


@dataclass(frozen=True)
class Touched:
    """Groups that are added to, as a query of their new rows and the places of the old ones; see ``Merging``.

    ``anew`` gives weighted rows like any refresh, of all groups: it reads what the query gave as ``TOUCHED``.
    """

    sql: str
    anew: str
    keyed: tuple[str, ...]
    places: tuple[tuple[str, str], ...]

    def filled(self, texts: Mapping[str, str]) -> Touched:
        """The queries with texts in place of the marks."""
        return replace(self, sql=_filled(self.sql, texts), anew=_filled(self.anew, texts))


@dataclass(frozen=True)
class Compiled:
    """A refresh as a query with marks; ``sql`` None: what changed does not reach the view.

    ``rules`` are those of its operators. ``grows``: rows only come. ``touched``: a quicker way to the same.
    """

    sql: str | None
    columns: tuple[tuple[str, str], ...]
    rules: frozenset[str]
    grows: bool
    touched: Touched | None

    def filled(self, texts: Mapping[str, str]) -> str:
        """The query with texts in place of the marks."""
        assert self.sql is not None
        return _filled(self.sql, texts)


def _filled(sql: str, texts: Mapping[str, str]) -> str:
    return _MARK.sub(lambda mark: texts[mark[0]], sql)


@lru_cache(maxsize=64)
def compiled(
    query: str,
    functions: tuple[Called, ...],
    shapes: tuple[Shape, ...],
    static: tuple[Table, ...],
    stored: tuple[tuple[str, str], ...],
) -> Compiled:
    """How a view with these columns follows its sources.

    Raises:
        NoRule: it is refreshed in full.
    """
    with cursor() as con:
        declare(con, functions)
        build = Build(con)
        found = {shape.name: shape.add(build) for shape in shapes}
        add_static(build, static, found)
        relation = Compiler(build, found, Stored(STORED, stored)).view(query).relation
        named = [(quote_identifier(name), type_) for name, type_ in stored]
        shown = ", ".join(f"CAST({name} AS {type_}) AS {name}" for name, type_ in named)
        rules = frozenset(step.rule for step in build.steps)
        last = f"SELECT {shown}, {WEIGHT} FROM {relation.delta}"
        sql = build.sql(last) if relation.changed else None
        return Compiled(sql, relation.columns, rules, relation.grows, _touched(build, last))


def _touched(build: Build, last: str) -> Touched | None:
    found = build.merging
    if found is None:
        return None
    sql = build.sql(found.placed)
    build.name(found.name, f"FROM {TOUCHED}")
    return Touched(sql, build.sql(last), found.keyed, found.places)


def add_static(build: Build, tables: Sequence[Table], found: dict[str, Found]) -> None:
    """Tables that do not change, as relations."""
    for table in tables:
        columns = table.columns or build.columns(f"FROM {table.sql}")
        found[table.name] = Found(build.add(columns, f"FROM {table.sql}", "", None))
