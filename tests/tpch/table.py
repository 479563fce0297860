"""Writes docs/tpch.md: which of the 22 queries refresh incrementally, and by which rules.

python -m tests.tpch.table
"""

from __future__ import annotations

from pathlib import Path

import space_sql
from tests.concurrency.scratch import scratch_folder
from tests.property.views.surface import Explained, explained
from tests.tpch.changes import Warehouse
from tests.tpch.tables import Population
from tests.tpch.views import QUERIES, Views

PAGE = Path(__file__).parents[2] / "docs/tpch.md"
_HEAD = """# TPC-H as materialized views

The 22 queries of TPC-H as views over datasets, as `space_explain_refresh` tells of them. \
`tests/tpch` makes the tables at a small scale after the public specification, runs its refresh functions \
(new sales, old sales) and edits of all other tables, refreshes each view and compares what is stored with \
what the query gives: one round with every edit in each test run, twenty in `make property`. \
The queries are those of the specification with its validation parameters, except where few rows would leave \
nothing to see (the thresholds of 11 and 18), and where rows at a LIMIT could tie: the order goes on with the \
other columns.

"""


def page() -> str:
    """The text of the page."""
    with scratch_folder() as folder, space_sql.connect() as con:
        con.execute("SET VARIABLE space_sync = false")
        views = Views(Warehouse(con, folder, Population(0.0001)))
        rows = {}
        for name in QUERIES:
            rows[name] = explained(con, name)
            views.materialize(name)
    return _HEAD + table(rows)


def table(rows: dict[str, Explained]) -> str:
    """A line a query."""
    incremental = sum(found.incremental for found in rows.values())
    partly = sum(any(rule.endswith("recompute") for rule in found.rules) for found in rows.values())
    out = [
        f"{incremental} of {len(rows)} refresh incrementally. {partly} of these have a part with the rule *recompute*: "
        "an aggregate without groups, or the rows before a LIMIT, is computed again as a whole, as it was and as it "
        "is, when something below it changed. Such a refresh is exact and touches few stored rows, but its cost "
        "follows the data there, not the change.\n"
    ]
    out += ["| query | what it asks | refresh | by which rules |", "|---|---|---|---|"]
    for name, found in rows.items():
        title = QUERIES[name].splitlines()[0].removeprefix("-- ")
        how = "incremental" if found.incremental else "full"
        out.append(f"| {int(name[1:])} | {title} | {how} | {', '.join(found.rules or [found.reason])} |")
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
