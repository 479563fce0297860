"""Queries whose rows depend on an order, which has no ties but between equal rows."""

from __future__ import annotations

from tests.property.views.aggregates import window
from tests.property.views.expressions import of_kind, predicate
from tests.property.views.kinds import FUZZY, SCALARS, Column, quoted
from tests.property.views.maker import Maker, Relation


class OrderQueries(Maker):
    """Windows, QUALIFY, the first rows of each group and of all."""

    def windowed(self, depth: int) -> Relation:
        text, columns, _ = self.part(depth)
        items, made = self.picked(columns, 4)
        partition = self.partition(columns)
        for _ in range(self.random.choice((1, 1, 2))):
            if self.random.random() < 0.3:
                partition = self.partition(columns)
            expr, kind, trust = window(self.random, columns, partition)
            name = self.name()
            items += f", {expr} AS {quoted(name)}"
            made = (*made, Column(name, kind, trust))
        where = f" WHERE {predicate(self.random, columns, 1)}" if self.random.random() < 0.3 else ""
        return Relation(f"SELECT {items} FROM {text}{where}", made)

    def top_of_each(self, depth: int) -> Relation:
        text, columns, all_of = self.part(depth)
        partition = self.partition(columns)
        ordered = [t for t, c in columns if c.trust != FUZZY]
        by = ", ".join(t + self.random.choice(("", " DESC", " NULLS FIRST")) for t in ordered)
        if not by or any(c.trust == FUZZY for c in all_of):
            condition = f"count(*) OVER ({partition}) > 1"
        else:
            function = self.random.choice(("row_number", "row_number", "rank"))
            condition = f"{function}() OVER ({partition} ORDER BY {by}) <= {self.random.randint(1, 2)}"
        if self.random.random() < 0.6:
            return Relation(f"SELECT * FROM {text} QUALIFY {condition}", all_of)
        name = self.name()
        outer = self.alias()
        expr, limit = condition.rsplit(" ", 2)[0], condition.rsplit(" ", 2)[1:]
        inner = f"SELECT *, {expr} AS {quoted(name)} FROM {text}"
        return Relation(
            f"SELECT * EXCLUDE ({quoted(name)}) FROM ({inner}) AS {outer} WHERE {quoted(name)} {' '.join(limit)}",
            all_of,
        )

    def first_of_each(self, depth: int) -> Relation:
        text, columns, all_of = self.part(depth)
        fit = of_kind(columns, *SCALARS)
        if not fit or any(c.trust == FUZZY for c in all_of):
            return self.distinct(depth)
        key, _ = self.random.choice(fit)
        by = ", ".join([key, *(t + self.random.choice(("", " DESC")) for t, _ in columns if t != key)])
        return Relation(
            f"SELECT * FROM (SELECT DISTINCT ON ({key}) * FROM {text} ORDER BY {by}) AS {self.alias()}", all_of
        )

    def limited(self, depth: int) -> Relation:
        text, columns, all_of = self.part(depth)
        if any(c.trust == FUZZY for c in all_of):
            return self.filtered(depth)
        by = ", ".join(t + self.random.choice(("", " DESC")) for t, _ in columns)
        offset = f" OFFSET {self.random.randint(0, 2)}" if self.random.random() < 0.3 else ""
        return Relation(
            f"SELECT * FROM (SELECT * FROM {text} ORDER BY {by} LIMIT {self.random.randint(1, 6)}{offset}) "
            f"AS {self.alias()}",
            all_of,
        )
