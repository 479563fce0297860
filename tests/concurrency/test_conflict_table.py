"""Every cell of the table in docs/concurrency.md: writer B commits after writer A began, then A commits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.concurrency.conftest import Connection, Racing, as_another_process
from tests.concurrency.operations import OPERATIONS, Content, base_content, target
from tests.concurrency.sql import call_sql, kind, rows
from tests.concurrency.table import conflict_table

NAME_ERRORS = {
    "tag": "already-exists",
    "branch": "already-exists",
    "drop tag": "not-found",
    "drop branch": "not-found",
    "add column": "invalid-input",
    "rename column": "not-found",
    "drop column": "not-found",
}
TABLE = conflict_table()
Interleave = Callable[[Callable[[], object], Callable[[], object]], None]


def test_the_table_has_a_cell_for_every_pair_of_writes() -> None:
    assert set(TABLE) == {(second, first) for second in OPERATIONS for first in OPERATIONS}


@pytest.fixture(params=["began_in_a_transaction", "lost_the_race"])
def interleave(request: pytest.FixtureRequest, a: Connection, ds: Path, racing: Racing) -> Interleave:
    """``interleave(first, second)``: ``first`` commits between the begin and the commit of ``second``."""

    def in_a_transaction(first: Callable[[], object], second: Callable[[], object]) -> None:
        a.execute("BEGIN")
        try:
            rows(a, ds)
            as_another_process(first)
            second()
        except duckdb.Error:
            a.execute("ROLLBACK")
            raise
        a.execute("COMMIT")

    def at_publishing(first: Callable[[], object], second: Callable[[], object]) -> None:
        racing(first)
        second()

    return in_a_transaction if request.param == "began_in_a_transaction" else at_publishing


def expected_error(second: str, first: str, *, same: bool) -> str | None:
    """The kind of error that the table promises to the second writer."""
    match TABLE[second, first]:
        case "no":
            return "conflict"
        case "row" | "key" | "cell":
            return "conflict" if same else None
        case "name":
            return NAME_ERRORS[second] if same else None
    return None


def check(reader: Connection, ds: Path, expected: Content) -> None:
    """Compare a dataset with a model: columns, rows, tags, branches."""
    shown = [row[0] for row in reader.execute(f"FROM {call_sql('space_schema', ds)}").fetchall()]
    assert shown == list(expected.columns.values())
    assert rows(reader, ds) == expected.shown()
    refs = reader.execute(f"SELECT name, type FROM {call_sql('space_refs', ds)}").fetchall()
    assert {name for name, type_ in refs if type_ == "tag"} == set(expected.tags)
    assert {name for name, type_ in refs if type_ == "branch"} - {"main"} == set(expected.branches)
    for name in {"t", "t_a", "t_b"} & {name for name, _ in refs}:
        showing = {**expected.tags, **expected.branches}[name]
        pointed = reader.execute(f"FROM {call_sql('space_scan', ds, version=name)} SELECT id, label").fetchall()
        assert sorted(pointed) == sorted((row["id"], row["label"]) for row in showing)


@pytest.mark.parametrize("case", ["same", "apart"])
@pytest.mark.parametrize("first", list(OPERATIONS))
@pytest.mark.parametrize("second", list(OPERATIONS))
def test_of_two_writers_neither_loses_what_the_table_keeps(
    second: str,
    first: str,
    case: str,
    interleave: Interleave,
    a: Connection,
    b: Connection,
    reader: Connection,
    ds: Path,
) -> None:
    same = case == "same"
    saw, by_a, by_b = base_content(), target("A", same=same), target("B", same=same)
    expected = OPERATIONS[first].apply(saw, saw, by_b)
    error = expected_error(second, first, same=same)
    met: str | None = None
    try:
        interleave(lambda: OPERATIONS[first].run(b, ds, by_b), lambda: OPERATIONS[second].run(a, ds, by_a))
    except duckdb.Error as raised:
        met = kind(raised)
    assert met == error
    if error is None:
        expected = OPERATIONS[second].apply(expected, saw, by_a)
    check(reader, ds, expected)
