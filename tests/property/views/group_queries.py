"""Queries with GROUP BY."""

from __future__ import annotations

from tests.property.views.aggregates import aggregate
from tests.property.views.expressions import of_kind, predicate
from tests.property.views.kinds import EXACT, FUZZY, SCALARS, STEADY, Column, quoted
from tests.property.views.maker import Maker, Relation


class GroupQueries(Maker):
    """Groups, with and without HAVING, and several groupings at once."""

    def grouped(self, depth: int) -> Relation:
        text, columns, _ = self.part(depth)
        keys = self.keys(columns, 2)
        items, made = [], []
        for expr, column in keys:
            name = self.name()
            items.append(f"{expr} AS {quoted(name)}")
            made.append(column.named(name))
        tests = []
        for _ in range(self.random.randint(1, 3)):
            expr, kind, trust = aggregate(self.random, columns)
            name = self.name()
            items.append(f"{expr} AS {quoted(name)}")
            made.append(Column(name, kind, trust))
            if trust != FUZZY and kind in ("int", "decimal"):
                tests.append(f"{expr} {self.random.choice(('>', '<=', '<>'))} {self.random.randint(0, 4)}")
        where = f" WHERE {predicate(self.random, columns)}" if self.random.random() < 0.3 else ""
        by = f" GROUP BY {', '.join(expr for expr, _ in keys)}" if keys else ""
        if keys and self.random.random() < 0.2:
            by = self.random.choice((" GROUP BY ALL", f" GROUP BY {', '.join(str(i + 1) for i in range(len(keys)))}"))
        having = f" HAVING {self.random.choice(tests)}" if tests and self.random.random() < 0.35 else ""
        return Relation(f"SELECT {', '.join(items)} FROM {text}{where}{by}{having}", tuple(made))

    def added_up(self, depth: int) -> Relation:
        """Groups whose counts, sums and extremes can be added to, where a view is nothing else."""
        text, columns, _ = self.part(depth)
        keys = self.keys(columns, 2)
        numbers = of_kind(columns, "int", "decimal")
        if not keys or not numbers:
            return self.grouped(depth)
        named = [(expr, column.named(self.name())) for expr, column in keys]
        x, column = self.random.choice(numbers)
        x = self.random.choice((x, x, x, f"({x} + 1)", f"{x} * 2"))
        calls = [
            ("count(*)", "int"),
            (f"count({x})", "int"),
            (f"sum({x})", column.kind),
            (f"min({x})", column.kind),
            (f"max({x})", column.kind),
        ]
        if column.kind == "int":
            calls.append((f"avg({x})", "float"))
        others = of_kind(columns, "time", "date", "int")
        if others:
            other, kind = self.random.choice(others)
            calls.append((f"max({other})", kind.kind))
        calls = self.random.sample(calls, self.random.randint(1, len(calls)))
        made = [column for _, column in named]
        items = [f"{expr} AS {quoted(column.name)}" for expr, column in named]
        for call, kind in calls:
            name = self.name()
            items.append(f"{call} AS {quoted(name)}")
            made.append(Column(name, kind, STEADY if kind == "float" else EXACT))
        self.random.shuffle(items)
        order = {item.rsplit(" AS ", 1)[1]: i for i, item in enumerate(items)}
        made.sort(key=lambda column: order[quoted(column.name)])
        where = f" WHERE {predicate(self.random, columns)}" if self.random.random() < 0.3 else ""
        by = ", ".join(expr for expr, _ in named)
        return Relation(f"SELECT {', '.join(items)} FROM {text}{where} GROUP BY {by}", tuple(made))

    def grouping_sets(self, depth: int) -> Relation:
        text, columns, _ = self.part(depth)
        keys = self.random.sample(of_kind(columns, *SCALARS), min(2, len(of_kind(columns, *SCALARS))))
        if not keys:
            return self.grouped(depth)
        names = [self.name() for _ in keys]
        items = [f"{t} AS {quoted(n)}" for (t, _), n in zip(keys, names, strict=True)]
        expr, kind, trust = aggregate(self.random, columns)
        total = self.name()
        made = [c.named(n) for (_, c), n in zip(keys, names, strict=True)]
        by = ", ".join(t for t, _ in keys)
        sets = self.random.choice((f"ROLLUP ({by})", f"CUBE ({by})", f"GROUPING SETS (({by}), ())"))
        return Relation(
            f"SELECT {', '.join(items)}, {expr} AS {quoted(total)} FROM {text} GROUP BY {sets}",
            (*made, Column(total, kind, trust)),
        )
