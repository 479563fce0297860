"""A refresh by fragments, which Ray's tasks compute, is the same as the refresh as one query: for random views."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence

import pytest

from space_sql.dataset.engine import cursor
from space_sql.views import refresh
from space_sql.views.definition import Definition
from space_sql.views.fragments import ROWS, of_all
from space_sql.views.plan import Plan, plan
from space_sql.views.relation import coming, netted
from space_sql.views.rules.stored import Stored
from space_sql.views.sources import Pinned
from tests.property.views.maker import Relation
from tests.property.views.queries import Queries
from tests.property.views.search import search

LONG = bool(os.environ.get("SPACE_SQL_LONG"))
SEED = int(os.environ.get("SPACE_SQL_SEED", "0"))
REFRESHES = int(os.environ.get("SPACE_SQL_REFRESHES", "3000" if LONG else "20"))


class Additive(Queries):
    """Queries of operators whose changes add up, and now and then another."""

    def query(self, depth: int) -> Relation:
        if depth <= 0:
            return self.reading()
        forms = [self.filtered, self.projected, self.joined, self.united, self.with_cte, self.unnested, super().query]
        return self.random.choices(forms, (5, 6, 5, 3, 2, 2, 1))[0](depth)


def differ(columns: Sequence[tuple[str, str]], one: str, other: str) -> list[tuple[object, ...]]:
    """Rows that two queries of weighted rows do not give as often."""
    one, other = (f"FROM ({netted(columns, sql)})" for sql in (one, other))
    with cursor() as con:
        rows: list[tuple[object, ...]] = con.execute(
            f"({one} EXCEPT ALL {other}) UNION ALL ({other} EXCEPT ALL {one}) LIMIT 3"
        ).fetchall()
        return rows


@pytest.mark.property
def test_fragments_together_are_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: Counter[str] = Counter()

    def compared(
        definition: Definition, sources: Sequence[Pinned], rows: Stored, policy: str, *, collation: bool
    ) -> Plan:
        made = plan(definition, sources, rows, policy, collation=collation)
        fragments = made.pieces()
        if made.sql is None or fragments is None or definition.static:
            return made
        queries = fragments.queries(1 + sum(counted.values()) % 7)
        given = "\nUNION ALL\n".join(f"SELECT * FROM (\n{query}\n)" for query in queries)
        total = given if fragments.whole is None else fragments.whole.replace(ROWS, given)
        assert not differ(made.columns, made.sql, total), (definition.query, made.sql, total)
        counted[made.policy] += 1
        counted["fragments"] += len(queries)
        everything = of_all(definition, sources, made.columns, None)
        if everything is not None and not made.rebuild:
            given = "\nUNION ALL\n".join(f"SELECT * FROM (\n{query}\n)" for query in everything.queries(3))
            full = plan(definition, sources, rows, "full")
            assert full.sql is not None
            total = f"{given}\nUNION ALL\n{coming(made.columns, rows.sql, -1)}"
            assert not differ(made.columns, full.sql, total), (definition.query, total)
            counted["first results"] += 1
        return made

    monkeypatch.setattr(refresh, "plan", compared)
    search(SEED + 20_000, REFRESHES, shrink_seconds=0, queries=Additive)
    assert counted["incremental"] > REFRESHES / 4
    assert counted["fragments"] > 2 * counted["incremental"]
    assert counted["first results"] > REFRESHES / 4
