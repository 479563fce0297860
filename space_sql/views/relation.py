"""Relations of a view, each in three forms: as it was, as it is, and the difference as rows with weights.

All of them are named queries of one WITH: ``_space_old_3``, ``_space_new_3`` and ``_space_delta_3``. A delta has the
relation's columns and ``_space_w``, never 0: how often the row came (positive) or went (negative).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb

from space_sql.format.types import quote_identifier
from space_sql.views import tree
from space_sql.views.tree import Node

WEIGHT = "_space_w"
_NAMED = re.compile(r"_space_[a-z]+(?:_\d+)?\b")


class NoRule(Exception):
    """A construct that is refreshed in full; ``code`` is the reason that users see, the text says more."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class Relation:
    """Rows with columns; ``changed`` is false when both forms are the same.

    ``full`` are names of columns, in lower case, that are known to have no NULL in either form. ``grows``: rows only
    came, none went, and the difference has each of them with the weight 1, equal ones too.
    """

    number: int
    columns: tuple[tuple[str, str], ...]
    changed: bool
    full: frozenset[str] = frozenset()
    grows: bool = False

    @property
    def new(self) -> str:
        """The name of the rows as they are."""
        return f"_space_new_{self.number}"

    @property
    def old(self) -> str:
        """The name of the rows as they were."""
        return f"_space_old_{self.number}" if self.changed else self.new

    @property
    def delta(self) -> str:
        """The name of the difference."""
        return f"_space_delta_{self.number}"

    @property
    def names(self) -> str:
        """The columns as a list in SQL."""
        return names(self.columns)


def names(columns: Sequence[tuple[str, str]]) -> str:
    """Columns as a list in SQL."""
    return ", ".join(quote_identifier(name) for name, _ in columns)


def netted(columns: Sequence[tuple[str, str]], weighted: str) -> str:
    """Weighted rows of a query, each once, with the sum of its weights; without those that it leaves as they were."""
    shown = names(columns)
    return (
        f"SELECT {shown}, sum({WEIGHT})::BIGINT AS {WEIGHT} FROM (\n{weighted}\n) "
        f"GROUP BY {shown} HAVING sum({WEIGHT}) <> 0"
    )


def difference(columns: Sequence[tuple[str, str]], new: str, old: str) -> str:
    """The weighted rows that lead from one query's rows to another's."""
    return f"{coming(columns, new)}\nUNION ALL\n{coming(columns, old, -1)}"


def coming(columns: Sequence[tuple[str, str]], rows: str, weight: int = 1) -> str:
    """The rows of a query, each with a weight."""
    shown = ", ".join(f"_space_q.{quote_identifier(name)}" for name, _ in columns)
    return f"SELECT {shown}, {weight} AS {WEIGHT} FROM (\n{rows}\n) AS _space_q({names(columns)})"


@dataclass(frozen=True)
class Step:
    """One row of what ``space_explain_refresh`` shows."""

    operator: str
    rule: str
    state: str = "none"


@dataclass(frozen=True)
class Part:
    """A named query; one that is ``kept`` is computed once where it is read more than once."""

    sql: str
    kept: bool


@dataclass(frozen=True)
class Merging:
    """The touched groups of a view: the part of that ``name``, and as a query that finds their stored rows too.

    It has the columns ``v0``, whether the group must be computed from its rows, ``v1``, positive where it has any,
    ``_space_same``, whether its row stays as it is, and ``_space_file`` and ``_space_pos``, where that row is, NULL
    where none is. ``places`` are the view's columns, with those of the query that have their values; ``keyed`` are
    those that it groups by.
    """

    name: str
    placed: str
    keyed: tuple[str, ...]
    places: tuple[tuple[str, str], ...]


@dataclass
class Build:
    """The named queries of a refresh while they are put together; ``con`` knows the columns of each."""

    con: duckdb.DuckDBPyConnection
    parts: dict[str, Part] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    count: int = 0
    merging: Merging | None = None

    def next(self) -> int:
        """The number of the next relation."""
        self.count += 1
        return self.count

    def tell(self, operator: str, rule: str, state: str = "none") -> None:
        """Say how an operator is refreshed."""
        step = Step(operator, rule, state)
        if step not in self.steps:
            self.steps.append(step)

    def columns(self, sql: str) -> tuple[tuple[str, str], ...]:
        """Names and types of a query's columns, as DuckDB binds it over the relations."""
        try:
            rows = self.con.execute(f"DESCRIBE {sql}").fetchall()
        except duckdb.Error as error:
            text = str(error).split("\n", 1)[0]
            code = "unknown-function" if "Function with name" in text else "not-understood"
            raise NoRule(code, text) from None
        found = tuple((str(row[0]), str(row[1])) for row in rows)
        if len({name.casefold() for name, _ in found}) < len(found):
            raise NoRule("repeated-column", "two columns have the same name: give one an alias")
        return found

    def binds(self, sql: str) -> bool:
        """Whether a query stands for itself over the relations."""
        try:
            self.con.execute(f"DESCRIBE {sql}").fetchall()
        except duckdb.Error:
            return False
        return True

    def add(
        self,
        columns: Sequence[tuple[str, str]],
        new: str,
        old: str,
        delta: str | None,
        full: frozenset[str] = frozenset(),
        *,
        grows: bool = False,
        net: bool = True,
    ) -> Relation:
        """A further relation; ``delta`` is weighted rows, None when nothing changed; they are summed if ``net``."""
        found = Relation(self.next(), tuple(columns), delta is not None, full, grows and delta is not None)
        self.name(found.new, new)
        self._stub(found.new, found.columns)
        if delta is not None:
            self.name(found.old, old)
            self._stub(found.old, found.columns)
            self.name(found.delta, netted(found.columns, delta) if net and not found.grows else delta, kept=True)
            self._stub(found.delta, (*found.columns, (WEIGHT, "BIGINT")))
        return found

    def keys(self, columns: Sequence[tuple[str, str]], weighted: str) -> str:
        """A name for the distinct rows of a delta, whatever their weight."""
        sql = f"SELECT DISTINCT {names(columns)} FROM (\n{weighted}\n)"
        return self.table(f"_space_keys_{self.next()}", sql, columns, kept=True)

    def table(self, name: str, sql: str, columns: Sequence[tuple[str, str]], *, kept: bool = False) -> str:
        """Name a query that others may read; returns the name."""
        self.name(name, sql, kept=kept)
        self._stub(name, columns)
        return name

    def name(self, name: str, sql: str, *, kept: bool = False) -> None:
        """Name a query; one that is ``kept`` is computed once."""
        self.parts[name] = Part(sql, kept)

    def _stub(self, name: str, columns: Sequence[tuple[str, str]]) -> None:
        fields = ", ".join(f"{quote_identifier(column)} {type_}" for column, type_ in columns)
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({fields})")

    def sql(self, last: str) -> str:
        """The whole statement, ending with a query over the relations; what it does not read is left out."""
        reads = Counter(_NAMED.findall(last))
        parts = []
        for name, part in reversed(self.parts.items()):
            times = reads[name]
            if not times:
                continue
            kept = part.kept and times > 1
            parts.append(f"{name} AS {'MATERIALIZED' if kept else 'NOT MATERIALIZED'} (\n{part.sql}\n)")
            for inner, count in Counter(_NAMED.findall(part.sql)).items():
                reads[inner] += count if kept else count * times
        texts = ",\n".join(reversed(parts))
        return f"WITH {texts}\n{last}" if texts else last


def placed(node: Node, relations: dict[str, str]) -> Node:
    """A tree in which the relations' places, tables named like ``_space_leaf_3``, name one of their forms."""

    def change(part: Node) -> Node | None:
        name = part.get("table_name")
        if part.get("type") == "BASE_TABLE" and name in relations:
            return tree.in_place_of(part, tree.table(relations[name], part["alias"]))
        return None

    placed: Node = tree.replaced(node, change)
    return placed
