"""Queries that look at each row by itself, and set operations."""

from __future__ import annotations

from collections.abc import Sequence

from tests.property.views.expressions import expression, of_kind, predicate
from tests.property.views.kinds import TYPES, Column, quoted
from tests.property.views.maker import Maker, Relation


class RowQueries(Maker):
    """Filters, projections, UNNEST, UNION and its kin, DISTINCT, WITH."""

    def filtered(self, depth: int) -> Relation:
        text, columns, all_of = self.part(depth)
        return Relation(f"SELECT * FROM {text} WHERE {predicate(self.random, columns)}", all_of)

    def projected(self, depth: int) -> Relation:
        text, columns, _ = self.part(depth)
        items, made = self.picked(columns, 3)
        for _ in range(self.random.randint(1, 2)):
            kind = self.random.choice(tuple(TYPES))
            name = self.name()
            items += f", {expression(self.random, columns, kind)} AS {quoted(name)}"
            made = (*made, Column(name, kind, "steady" if kind == "float" else "exact"))
        where = f" WHERE {predicate(self.random, columns)}" if self.random.random() < 0.4 else ""
        return Relation(f"SELECT {items} FROM {text}{where}", made)

    def unnested(self, depth: int) -> Relation:
        text, columns, _ = self.part(depth)
        lists = of_kind(columns, "ints", "texts")
        kind = self.random.choice(("ints", "texts"))
        inner = expression(self.random, columns, kind, 1)
        if lists:
            inner, column = self.random.choice(lists)
            kind = column.kind
        name, items, made = self.name(), "", ()
        items, made = self.picked(columns, 3)
        made = (*made, Column(name, "int" if kind == "ints" else "text"))
        if self.random.random() < 0.5:
            return Relation(f"SELECT {items}, unnest({inner}) AS {quoted(name)} FROM {text}", made)
        alias = self.alias()
        return Relation(f"SELECT {items}, {alias}.u AS {quoted(name)} FROM {text}, unnest({inner}) AS {alias}(u)", made)

    def alike(self, depth: int, columns: Sequence[Column]) -> str:
        """A query of columns of the same kinds, for set operations."""
        text, found, _ = self.part(depth)
        items = []
        for column in columns:
            same = [t for t, c in found if (c.kind, c.trust) == (column.kind, column.trust)]
            items.append(self.random.choice(same) if same else expression(self.random, found, column.kind, 1))
        where = f" WHERE {predicate(self.random, found)}" if self.random.random() < 0.5 else ""
        return f"SELECT {', '.join(items)} FROM {text}{where}"

    def united(self, depth: int) -> Relation:
        first, made = self.chosen(depth, 4, comparable=False)
        if self.random.random() < 0.3:
            return Relation(f"{first} UNION ALL BY NAME {self.some_alike(depth - 1, made)}", _loosened(made))
        parts = [first, *(self.alike(depth - 1, made) for _ in range(self.random.randint(1, 2)))]
        return Relation(" UNION ALL ".join(parts), _loosened(made))

    def some_alike(self, depth: int, columns: Sequence[Column]) -> str:
        """A query of some columns of the same kinds and names, in any order."""
        some = self.random.sample(list(columns), self.random.randint(1, len(columns)))
        alias = self.alias()
        items = ", ".join(f"_{i} AS {column.sql}" for i, column in enumerate(some))
        names = ", ".join(f"_{i}" for i in range(len(some)))
        return f"SELECT {items} FROM ({self.alike(depth, some)}) AS {alias}({names})"

    def set_operation(self, depth: int) -> Relation:
        first, made = self.chosen(depth, 3, comparable=True)
        operation = self.random.choice(("UNION", "INTERSECT", "EXCEPT", "EXCEPT ALL", "INTERSECT ALL", "UNION"))
        return Relation(f"{first} {operation} {self.alike(depth - 1, made)}", _loosened(made))

    def distinct(self, depth: int) -> Relation:
        query, made = self.chosen(depth, 3, comparable=True)
        return Relation(query.replace("SELECT", "SELECT DISTINCT", 1), made)

    def with_cte(self, depth: int) -> Relation:
        inner = self.query(depth - 1)
        cte = f"w{self.alias()}"
        known = Relation(cte, inner.columns)
        outer = type(self)(self.random, [known, known, *self.bases], self.prefix)
        outer._aliases, outer._names = self._aliases + 100, self._names + 100
        body = outer.query(min(depth - 1, 2))
        self._aliases, self._names = outer._aliases, outer._names
        how = self.random.choice(("AS", "AS", "AS MATERIALIZED"))
        return Relation(f"WITH {cte} {how} ({inner.sql}) SELECT * FROM ({body.sql}) AS {self.alias()}", body.columns)


def _loosened(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """Columns of a set operation: sums of floats in them are not exact any more."""
    return tuple(Column(c.name, c.kind, "steady") if c.trust == "exact" and c.kind == "float" else c for c in columns)
