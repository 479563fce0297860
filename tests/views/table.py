"""Writes the table of docs/views.md: how each operator of tests/views/operators.py is refreshed.

python -m tests.views.table
"""

from __future__ import annotations

import re
from pathlib import Path

import duckdb

import space_sql
from tests.concurrency.scratch import scratch_folder
from tests.property.views.surface import explained
from tests.views.operators import OPERATORS, SOURCES, Operator

PAGE = Path(__file__).parents[2] / "docs/views.md"
BEGIN, END = "<!-- operators: python -m tests.views.table -->\n", "<!-- end of operators -->\n"


def defined(operator: Operator, folder: Path) -> str:
    """The query of the fixture's view, over datasets in a folder."""
    if operator.query:
        return over(operator.query, folder)
    found = re.search(r"CREATE VIEW \S+ AS (.*);", operator.path.read_text(encoding="utf-8"))
    assert found, operator.path
    return found[1].replace("space_scan('", f"space_scan('{folder}/")


def over(query: str, folder: Path) -> str:
    """A query over ``a`` and ``b``, which are datasets in a folder."""
    return re.sub(r"\b(FROM|JOIN|,) ([ab])\b", rf"\1 space_scan('{folder}/\2') AS \2", query)


def prepared(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Make the datasets."""
    con.execute("SET VARIABLE space_sync = false")
    for statement in SOURCES:
        con.execute(statement.format(folder=folder))


def table() -> str:
    """A line an operator."""
    out = [
        "| operator | how it is refreshed | `rules/` | fixture | without a rule |",
        "|---|---|---|---|---|",
    ]
    with scratch_folder() as folder, space_sql.connect() as con:
        prepared(con, folder)
        for operator in OPERATORS:
            told = con.execute(
                "SELECT operator, rule, state, reason FROM space_explain_refresh(?)", [defined(operator, folder)]
            ).fetchall()
            assert all(reason is None for *_, reason in told), (operator.title, told)
            steps = [f"{name}: {rule}" + f" (kept: {state})" * (state != "none") for name, rule, state, _ in told]
            steps = [step for step in dict.fromkeys(steps) if step != "scan: changes"]
            code = explained(con, over(operator.without, folder)).reason.split(":")[0]
            files = ", ".join(f"`{name}`" for name in operator.files)
            out.append(
                f"| {operator.title} | {'; '.join(steps)} | {files} | `{operator.fixture}` | "
                f"`{operator.without.replace('|', chr(92) + '|')}`: {code} |"
            )
    return "\n".join(out) + "\n"


def page() -> str:
    """The page with the table anew."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table() + END + after


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
