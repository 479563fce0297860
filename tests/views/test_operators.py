"""Every operator has a rule, a fixture and a line in docs/views.md, and a neighbour that is refreshed in full."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import space_sql
from tests.concurrency.scratch import scratch_folder
from tests.concurrency.sql import literal
from tests.views.operators import CHANGES, OPERATORS, Operator
from tests.views.table import PAGE, over, page, prepared

UNSTABLE = {"not-deterministic", "order-dependent", "ties", "unordered-limit", "inexact-key"}
"""Reasons of views that are not the same each time."""
RULES = Path(space_sql.__file__).parent / "views/rules"


def test_the_page_shows_what_explain_tells() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m tests.views.table`"


def test_every_rule_has_an_operator_and_every_operator_a_rule() -> None:
    modules = {path.stem for path in RULES.glob("*.py")} - {"__init__"}
    assert modules == {name for operator in OPERATORS for name in operator.files}


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.title)
def test_a_fixture_refreshes_incrementally_and_compares(operator: Operator) -> None:
    text = operator.path.read_text(encoding="utf-8")
    compared = re.findall(r"EXCEPT ALL .*UNION ALL .*EXCEPT ALL", text)
    refreshed = re.findall(r"FROM space_refresh\('\w+', policy => 'incremental'\)", text)
    assert len(compared) >= len(refreshed) > 0 or operator.query
    assert compared, "both ways, so that neither more nor less passes"
    assert "\nincremental" in text


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[duckdb.DuckDBPyConnection, Path, dict[str, str]]]:
    """Views without a rule, whose sources changed since; with the reasons that were told before."""
    reasons = {}
    with scratch_folder() as folder, space_sql.connect() as con:
        prepared(con, folder)
        for i, operator in enumerate(OPERATORS):
            query = over(operator.without, folder)
            ((reasons[operator.title],),) = con.execute(
                "SELECT reason FROM space_explain_refresh(?)", [query]
            ).fetchall()
            con.execute(f"CALL space_materialize('{folder}/{i}', {literal(query)})")
        for change in CHANGES:
            con.execute(change.format(folder=folder))
        yield con, folder, reasons


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.title)
def test_without_a_rule_a_view_is_refreshed_in_full_and_says_why(
    world: tuple[duckdb.DuckDBPyConnection, Path, dict[str, str]], operator: Operator
) -> None:
    con, folder, reasons = world
    path, reason = f"{folder}/{OPERATORS.index(operator)}", reasons[operator.title]
    code = reason.split(":")[0]
    with pytest.raises(duckdb.Error, match=f"cannot be refreshed incrementally: {code}"):
        con.execute(f"CALL space_refresh('{path}', policy => 'incremental')")
    ((policy, told),) = con.execute(f"SELECT policy, reason FROM space_refresh('{path}')").fetchall()
    assert (policy, told) == ("full", reason)
    if code not in UNSTABLE and "POSITIONAL" not in operator.without:
        stored, query = f"FROM space_scan('{path}')", f"({over(operator.without, folder)})"
        for one, other in ((stored, query), (query, stored)):
            assert con.execute(f"{one} EXCEPT ALL {other}").fetchall() == []
