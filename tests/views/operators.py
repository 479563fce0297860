"""What a view may hold, each with the fixture that refreshes it, and the same where there is no rule for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FIXTURES = Path(__file__).parents[1] / "sql/refresh"

SOURCES = (
    "CALL space_create('{folder}/a', primary_keys => ['id'], source => 'SELECT range AS id, range % 5 AS k, "
    "(range * 1.5)::DECIMAL(10, 2) AS v, ''n'' || range % 3 AS s FROM range(40)')",
    "CALL space_create('{folder}/b', primary_keys => ['k'], source => 'SELECT range AS k, ''name'' || range AS name "
    "FROM range(4)')",
)
CHANGES = (
    "CALL space_upsert('{folder}/a', 'SELECT 5 AS id, 3 AS k, 7 AS v, ''zz'' AS s UNION ALL SELECT 9, NULL, 9, NULL')",
    "CALL space_delete('{folder}/b', 'k = 3')",
)


@dataclass(frozen=True)
class Operator:
    """An operator; ``fixture`` names a file of tests/sql/refresh, ``files`` modules of space_sql/views/rules.

    ``without`` is a view in which it has no rule; ``query`` has one, where the fixture does not begin with such a view.
    In both, ``a`` and ``b`` are the datasets of ``SOURCES``.
    """

    title: str
    fixture: str
    files: tuple[str, ...]
    without: str
    query: str = ""

    @property
    def path(self) -> Path:
        """The fixture."""
        return FIXTURES / f"{self.fixture}.test"


OPERATORS = (
    Operator("filter", "filter", ("linear",), "SELECT id FROM a WHERE v > random()"),
    Operator("projection, expressions", "filter", ("linear",), "SELECT id, now() AS t FROM a"),
    Operator("`*`, EXCLUDE, REPLACE", "star", ("linear",), "SELECT COLUMNS('i|k') FROM a"),
    Operator("rows without a key, as a bag", "bag", ("linear",), "SELECT k, s FROM a USING SAMPLE 3"),
    Operator(
        "UNNEST in SELECT and FROM",
        "unnest",
        ("linear",),
        "SELECT id, g FROM a, range((SELECT 2)) AS t(g)",
    ),
    Operator("UNION ALL", "union_all", ("rows",), "(SELECT id FROM a UNION ALL SELECT k FROM b) ORDER BY id LIMIT 3"),
    Operator(
        "UNION ALL BY NAME",
        "union_by_name",
        ("rows",),
        "SELECT id FROM a UNION ALL BY NAME SELECT uuid() AS u FROM b",
    ),
    Operator("inner joins, self-joins", "inner_join", ("linear",), "SELECT id, name FROM a ASOF JOIN b ON a.k >= b.k"),
    Operator("cross joins, on any condition", "cross_join", ("linear",), "SELECT id, name FROM a POSITIONAL JOIN b"),
    Operator("LEFT JOIN", "left_join", ("outer_join",), "SELECT id, name FROM a LEFT JOIN b ON a.k < b.k"),
    Operator("RIGHT JOIN", "right_join", ("outer_join",), "SELECT id, name FROM a RIGHT JOIN b ON a.k < b.k"),
    Operator(
        "FULL JOIN", "full_join", ("outer_join",), "SELECT id, name FROM a FULL JOIN b ON a.k = b.k AND random() < 1"
    ),
    Operator("SEMI and ANTI JOIN", "semi_anti_join", ("outer_join",), "SELECT id FROM a SEMI JOIN b ON a.k < b.k"),
    Operator(
        "EXISTS, NOT EXISTS", "exists", ("subquery",), "SELECT id FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.k < a.k)"
    ),
    Operator(
        "IN, NOT IN",
        "in_subquery",
        ("subquery",),
        "SELECT id FROM a WHERE k > ANY (SELECT k FROM b WHERE name > s)",
    ),
    Operator(
        "scalar subquery",
        "scalar_subquery",
        ("subquery",),
        "SELECT id, (SELECT max(name) FROM b WHERE b.k < a.k) AS m FROM a",
    ),
    Operator(
        "GROUP BY: count, sum, avg, min, max of integers, decimals, times",
        "merge",
        ("merge", "stored"),
        "SELECT k, sum(v) AS n FROM a GROUP BY k + random()::INTEGER, k",
        "SELECT k, count(*) AS n, sum(v) AS s, min(id) AS low FROM a GROUP BY k",
    ),
    Operator(
        "GROUP BY: variance, median, quantiles, list with an order, count distinct, FILTER",
        "group_by",
        ("group", "stored"),
        "SELECT k, first(v) AS v FROM a GROUP BY k",
    ),
    Operator(
        "GROUP BY: floating-point sums and averages",
        "floats",
        ("group",),
        "SELECT x, count(*) AS n FROM (SELECT sum(v::DOUBLE) AS x FROM a GROUP BY k) GROUP BY x",
    ),
    Operator(
        "GROUP BY ALL, by position, by alias", "group_by_all", ("group",), "SELECT *, mode(v) AS m FROM a GROUP BY ALL"
    ),
    Operator(
        "GROUPING SETS, ROLLUP, CUBE that share a column",
        "rollup",
        ("group",),
        "SELECT k, s, count(*) AS n FROM a GROUP BY ROLLUP (k, s)",
    ),
    Operator("aggregates over all rows", "aggregate", ("group",), "SELECT arg_max(id, v) AS top FROM a"),
    Operator(
        "HAVING",
        "having_subquery",
        ("group",),
        "SELECT k, count(*) AS n FROM a GROUP BY k HAVING sum(v::DOUBLE / 3) > 10",
    ),
    Operator("DISTINCT", "distinct", ("rows",), "SELECT DISTINCT ON (k) k, v FROM a"),
    Operator(
        "UNION, INTERSECT, EXCEPT, with ALL too",
        "set_operations",
        ("rows",),
        "SELECT sum(v::DOUBLE) AS x FROM a GROUP BY k UNION SELECT k FROM b",
    ),
    Operator(
        "windows with PARTITION BY", "window", ("group",), "SELECT id, sum(v) OVER (ORDER BY id) AS running FROM a"
    ),
    Operator(
        "QUALIFY, top-k of a group",
        "qualify",
        ("group",),
        "SELECT id, k FROM a QUALIFY row_number() OVER (PARTITION BY k ORDER BY s) <= 2",
    ),
    Operator("ORDER BY with LIMIT, no ties", "limit", ("limit",), "SELECT id, s FROM a ORDER BY s LIMIT 7"),
    Operator(
        "CTEs, subqueries in FROM, views over views",
        "nested",
        ("group", "outer_join"),
        "WITH RECURSIVE t AS (SELECT min(k) AS k FROM a UNION ALL SELECT k + 1 FROM t WHERE k < 3) SELECT * FROM t",
    ),
)
