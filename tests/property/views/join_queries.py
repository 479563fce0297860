"""Queries of two and more relations."""

from __future__ import annotations

from tests.property.views.aggregates import aggregate
from tests.property.views.expressions import Named, expression, of_kind, predicate
from tests.property.views.kinds import ORDERED, SCALARS, Column, quoted, value
from tests.property.views.maker import Maker, Relation


class JoinQueries(Maker):
    """Joins of every kind, and subqueries in conditions."""

    def condition(self, left: Named, right: Named) -> str:
        """A join condition: an equality where it can be, at times more or something else."""
        kinds = {c.kind for _, c in of_kind(left, *SCALARS)} & {c.kind for _, c in of_kind(right, *SCALARS)}
        conditions = []
        for _ in range(self.random.choice((1, 1, 1, 2))):
            if not kinds:
                break
            kind = self.random.choice(sorted(kinds))
            mine, _ = self.random.choice(of_kind(left, kind))
            theirs, _ = self.random.choice(of_kind(right, kind))
            sign = self.random.choice(("=",) * 8 + ("IS NOT DISTINCT FROM", "<"))
            if self.random.random() < 0.1:
                mine = expression(self.random, left, kind, 1)
            conditions.append(f"{mine} {sign} {theirs}")
        if not conditions or self.random.random() < 0.15:
            conditions.append(predicate(self.random, [*left, *right], 1))
        return " AND ".join(conditions)

    def joined(self, depth: int) -> Relation:
        parts = [self.part(depth - i) for i in range(self.random.choice((2, 2, 2, 3)))]
        (text, seen, _), rest = parts[0], parts[1:]
        for other, columns, _ in rest:
            if self.random.random() < 0.1:
                text += self.random.choice((", ", " CROSS JOIN ")) + other
            else:
                text += f" JOIN {other} ON {self.condition(seen, columns)}"
            seen = [*seen, *columns]
        items, made = self.picked(seen, 6)
        where = f" WHERE {predicate(self.random, seen)}" if self.random.random() < 0.3 else ""
        return Relation(f"SELECT {items} FROM {text}{where}", made)

    def outer_joined(self, depth: int) -> Relation:
        (left, mine, _), (right, theirs, _) = self.part(depth), self.part(depth - 1)
        side = self.random.choice(("LEFT", "LEFT", "RIGHT", "FULL"))
        condition = self.condition(mine, theirs)
        if side == "FULL" and " = " not in condition:
            side = "LEFT"
        items, made = self.picked([*mine, *theirs], 6)
        where = f" WHERE {predicate(self.random, [*mine, *theirs])}" if self.random.random() < 0.25 else ""
        return Relation(f"SELECT {items} FROM {left} {side} JOIN {right} ON {condition}{where}", made)

    def semi_joined(self, depth: int) -> Relation:
        (left, mine, all_of), (right, theirs, _) = self.part(depth), self.part(depth - 1)
        side = self.random.choice(("SEMI", "ANTI"))
        return Relation(f"SELECT * FROM {left} {side} JOIN {right} ON {self.condition(mine, theirs)}", all_of)

    def existing(self, depth: int) -> Relation:
        (left, mine, all_of), (right, theirs, _) = self.part(depth), self.part(depth - 1)
        no = self.random.choice(("", "NOT "))
        kinds = {c.kind for _, c in of_kind(mine, *SCALARS)} & {c.kind for _, c in of_kind(theirs, *SCALARS)}
        if kinds and self.random.random() < 0.5:
            kind = self.random.choice(sorted(kinds))
            value_of, _ = self.random.choice(of_kind(mine, kind))
            among, _ = self.random.choice(of_kind(theirs, kind))
            where = f" WHERE {predicate(self.random, theirs, 1)}" if self.random.random() < 0.5 else ""
            condition = f"{value_of} {no}IN (SELECT {among} FROM {right}{where})"
        else:
            condition = f"{no}EXISTS (SELECT 1 FROM {right} WHERE {self.condition(mine, theirs)})"
        if self.random.random() < 0.3:
            condition = f"{condition} {self.random.choice(('AND', 'AND', 'OR'))} {predicate(self.random, mine, 1)}"
        return Relation(f"SELECT * FROM {left} WHERE {condition}", all_of)

    def joined_using(self, depth: int) -> Relation:
        (left, mine, _), (right, theirs, _) = self.part(depth), self.part(depth - 1)
        names = {c.name: c for _, c in of_kind(mine, *SCALARS)}
        shared = [c.name for _, c in of_kind(theirs, *SCALARS) if c.name in names and names[c.name].kind == c.kind]
        if not shared:
            return self.joined(depth)
        key = self.random.choice(shared)
        side = self.random.choice(("", "", "LEFT ", "RIGHT ", "FULL "))
        if side and self.random.random() < 0.5:
            side += "OUTER "
        others = [(t, c) for t, c in [*mine, *theirs] if c.name.casefold() != key.casefold()]
        name = self.name()
        items, made = f"{quoted(key)} AS {quoted(name)}", (names[key].named(name),)
        if others:
            more, rest = self.picked(others, 4)
            items, made = f"{items}, {more}", (*made, *rest)
        return Relation(f"SELECT {items} FROM {left} {side}JOIN {right} USING ({quoted(key)})", made)

    def lateral(self, depth: int) -> Relation:
        (left, mine, _), (right, theirs, _) = self.part(depth), self.part(depth - 1)
        items, made = self.picked(mine, 3)
        alias, name = self.alias(), self.name()
        expr, kind, trust = aggregate(self.random, theirs)
        inner = f"SELECT {expr} AS n FROM {right} WHERE {self.condition(mine, theirs)}"
        return Relation(
            f"SELECT {items}, {alias}.n AS {quoted(name)} FROM {left}, LATERAL ({inner}) AS {alias}",
            (*made, Column(name, kind, trust)),
        )

    def with_values(self, depth: int) -> Relation:
        text, columns, _ = self.part(depth)
        fit = of_kind(columns, *SCALARS)
        if not fit:
            return self.filtered(depth)
        key, column = self.random.choice(fit)
        alias, name = self.alias(), self.name()
        rows = ", ".join(f"({value(self.random, column.kind)}, '{word}')" for word in ("one", "two", "one"))
        items, made = self.picked(columns, 3)
        side = self.random.choice(("", "LEFT "))
        return Relation(
            f"SELECT {items}, {alias}.word AS {quoted(name)} FROM {text} "
            f"{side}JOIN (VALUES {rows}) AS {alias}(k, word) ON {key} = {alias}.k",
            (*made, Column(name, "text")),
        )

    def with_scalar(self, depth: int) -> Relation:
        (left, mine, _), (right, theirs, _) = self.part(depth), self.part(depth - 1)
        items, made = self.picked(mine, 3)
        name = self.name()
        numbers = of_kind(theirs, *ORDERED)
        function, kind, trust = "count(*)", "int", "exact"
        if numbers and self.random.random() < 0.6:
            text, column = self.random.choice(numbers)
            function, kind, trust = f"max({text})", column.kind, column.trust
        where = f" WHERE {self.condition(mine, theirs)}" if self.random.random() < 0.6 else ""
        expr = f"(SELECT {function} FROM {right}{where})"
        return Relation(f"SELECT {items}, {expr} AS {quoted(name)} FROM {left}", (*made, Column(name, kind, trust)))
