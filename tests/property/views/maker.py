"""What all random queries are put together from: bases, parts with aliases, names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from tests.property.views.expressions import Named, expression, of_kind, predicate
from tests.property.views.kinds import FUZZY, NESTED, SCALARS, Column, quoted

AWKWARD = ("select", "a b", 'q"q', "Größe", "Group", "order", "x.y", "_", "version")


@dataclass(frozen=True)
class Relation:
    """Something to read: what stands in FROM, and its columns."""

    sql: str
    columns: tuple[Column, ...]


class Maker:
    """Makes queries over relations; names of tables and columns are new in each."""

    def __init__(self, random: Random, bases: Sequence[Relation], prefix: str = "c") -> None:
        self.random = random
        self.bases = bases
        self.prefix = prefix
        self._aliases = 0
        self._names = 0

    def alias(self) -> str:
        """A new name of a table."""
        self._aliases += 1
        return f"t{self._aliases}"

    def name(self) -> str:
        """A new name of a column, now and then an awkward one."""
        self._names += 1
        if self.random.random() < 0.06:
            return f"{self.random.choice(AWKWARD)}{self.prefix}{self._names}"
        return f"{self.prefix}{self._names}"

    def reading(self) -> Relation:
        """All or some columns of a base."""
        base = self.random.choice(self.bases)
        columns = list(base.columns)
        if self.random.random() < 0.5:
            return Relation(f"SELECT * FROM {base.sql}", base.columns)
        kept = self.random.sample(columns, self.random.randint(1, len(columns)))
        return Relation(f"SELECT {', '.join(c.sql for c in kept)} FROM {base.sql}", tuple(kept))

    def part(self, depth: int) -> tuple[str, Named, tuple[Column, ...]]:
        """Something for FROM with an alias, its columns as text, and the columns."""
        alias = self.alias()
        if depth <= 1 and self.random.random() < 0.7:
            inner = self.random.choice(self.bases)
            text = f"{inner.sql} AS {alias}"
        else:
            inner = self.query(depth - 1)
            text = f"({inner.sql}) AS {alias}"
        return text, [(f"{alias}.{c.sql}", c) for c in inner.columns], inner.columns

    def picked(self, columns: Named, most: int = 5) -> tuple[str, tuple[Column, ...]]:
        """A SELECT list of some of the columns, under new names or their own."""
        chosen = self.random.sample(list(columns), min(len(columns), self.random.randint(1, most)))
        items, made, taken = [], [], set()
        for text, column in chosen:
            name = column.name if self.random.random() < 0.5 else self.name()
            if name.casefold() in taken:
                name = self.name()
            taken.add(name.casefold())
            items.append(f"{text} AS {quoted(name)}")
            made.append(column.named(name))
        return ", ".join(items), tuple(made)

    def chosen(self, depth: int, most: int, *, comparable: bool) -> tuple[str, tuple[Column, ...]]:
        """A query of few columns."""
        text, columns, _ = self.part(depth)
        fit = [(t, c) for t, c in columns if not comparable or c.trust != FUZZY]
        if not fit:
            fit = [("1", Column("one", "int"))]
        items, made = self.picked(fit, most)
        where = f" WHERE {predicate(self.random, columns)}" if self.random.random() < 0.3 else ""
        return f"SELECT {items} FROM {text}{where}", made

    def keys(self, columns: Named, most: int) -> list[tuple[str, Column]]:
        """Columns or expressions to group by."""
        fit = [(t, c) for t, c in columns if c.trust != FUZZY and (c.kind not in NESTED or self.random.random() < 0.2)]
        found = self.random.sample(fit, min(len(fit), self.random.randint(0 if most > 1 else 1, most)))
        if self.random.random() < 0.2:
            kind = self.random.choice(SCALARS)
            found.append((expression(self.random, columns, kind, 1), Column(self.name(), kind, "steady")))
        return found

    def partition(self, columns: Named) -> str:
        """PARTITION BY, mostly."""
        fit = of_kind(columns, *SCALARS)
        if not fit or self.random.random() < 0.12:
            return ""
        keys = self.random.sample(fit, min(len(fit), self.random.choice((1, 1, 2))))
        return f"PARTITION BY {', '.join(t for t, _ in keys)}"

    def query(self, depth: int) -> Relation:
        """A query, so many operators deep; its ``sql`` is a whole SELECT."""
        raise NotImplementedError
