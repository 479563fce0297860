"""Each kind of damage once: reading and verifying give what docs/damage.md says, in one line and in time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import space_sql
from tests.concurrency.scratch import scratch_folder
from tests.concurrency.sql import call_sql
from tests.crash.corpus import DAMAGES, RIGHT, write_all

pytestmark = pytest.mark.crash
PAGE = Path(__file__).parents[2] / "docs/damage.md"
KINDS = ("conflict", "not-found", "format", "storage", "invalid-input", "read-only")


@pytest.fixture(scope="module")
def corpus() -> Iterator[dict[str, Path]]:
    with scratch_folder() as folder:
        yield write_all(folder)


def told(error: duckdb.Error) -> str:
    """The kind of an error; what DuckDB's reader says of a file is one of the storage."""
    first = str(error).split("\n", 1)[0]
    assert "Traceback" not in str(error)
    assert "internal: " not in first
    found = re.search(rf"\b({'|'.join(KINDS)}): ", first)
    return found[1] if found else "storage"


def rows(con: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    return sorted(map(repr, con.execute(f"FROM {call_sql('space_scan', path)}").fetchall()))


@pytest.mark.parametrize("name", list(DAMAGES))
def test_a_damage_gives_what_is_documented(name: str, corpus: dict[str, Path]) -> None:
    damage = DAMAGES[name]
    with space_sql.connect() as con:
        whole = rows(con, corpus[RIGHT])
        try:
            read = RIGHT if rows(con, corpus[name]) == whole else "wrong"
        except duckdb.Error as error:
            read = told(error)
        assert read in damage.reading
        try:
            found = con.execute(f"FROM {call_sql('space_verify', corpus[name], deep=True)}").fetchall()
        except duckdb.Error as error:
            assert told(error) == damage.finding  # noqa: PT017 - either is right
            return
        kinds = {f"{severity} {kind}" for severity, kind, *_ in found} or {"none"}
        assert damage.finding in kinds
        assert all(text and remedy for _, _, _, text, remedy in found)


def test_the_page_has_every_damage_and_what_it_gives() -> None:
    table = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE.read_text(encoding="utf-8"), re.M)[1:]
    expected = [(name, " or ".join(d.reading), d.finding) for name, d in DAMAGES.items()]
    assert [tuple(cell.strip().replace("`", "") for cell in row) for row in table] == expected
