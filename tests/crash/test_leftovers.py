"""What a killed process leaves behind is in nobody's way."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.concurrency.sql import call, call_sql, kind_and_message, rows
from tests.crash.contents import contents

pytestmark = pytest.mark.crash

UNFINISHED: dict[str, list[str]] = {
    "an empty folder": [],
    "folders": ["log/", "data/", "deletes/"],
    "one folder": ["log/"],
    "space.json only": ["space.json"],
    "space.json and folders": ["space.json", "log/", "data/", "deletes/"],
    "rows": ["log/", "data/", "deletes/", "data/11111111-1111-4111-8111-111111111111.parquet"],
    "a half written entry": ["space.json", "log/", "data/", "deletes/", "log/.00000000000000000000.json.0a.tmp"],
    "a half written space.json": ["log/", "data/", "deletes/", ".space.json.0a.tmp"],
}


@pytest.fixture(params=list(UNFINISHED))
def unfinished(request: pytest.FixtureRequest, ds: Path, scratch: Path) -> Path:
    """A folder as a killed creation leaves it."""
    path = scratch / "new"
    path.mkdir()
    for name in UNFINISHED[request.param]:
        if name.endswith("/"):
            (path / name).mkdir()
        elif name == "space.json":
            shutil.copy(ds / name, path / name)
        else:
            (path / name).write_bytes(b"half")
    return path


def test_an_unfinished_dataset_is_not_found(unfinished: Path, reader: duckdb.DuckDBPyConnection) -> None:
    for statement in (
        f"FROM {call_sql('space_scan', unfinished)}",
        f"FROM {call_sql('space_info', unfinished)}",
        f"CALL {call_sql('space_append', unfinished, 'SELECT 1 AS id')}",
        f"CALL {call_sql('space_tag', unfinished, 'v1')}",
    ):
        with pytest.raises(duckdb.Error) as error:
            reader.execute(statement).fetchall()
        kind, message = kind_and_message(error.value)
        assert kind == "not-found"
        assert "space_create" in message


@pytest.mark.parametrize("named", [{"columns": "id BIGINT"}, {"source": "SELECT 1 AS id"}], ids=str)
def test_an_unfinished_dataset_can_be_created_anew(
    named: dict[str, object], unfinished: Path, reader: duckdb.DuckDBPyConnection
) -> None:
    assert call(reader, "space_create", unfinished, primary_keys=["id"], **named)[0] == 0
    assert len(rows(reader, unfinished)) == ("source" in named)
    assert call(reader, "space_append", unfinished, "SELECT 2 AS id")[0] == 1


def test_an_unfinished_dataset_is_listed_with_its_problem_if_at_all(
    unfinished: Path, ds: Path, reader: duckdb.DuckDBPyConnection
) -> None:
    found = reader.execute(f"SELECT path, problem FROM {call_sql('space_datasets', unfinished.parent)}").fetchall()
    assert [path for path, problem in found if problem is None] == [str(ds)]
    assert all("space_create" in problem for _, problem in found if problem is not None)


def test_a_folder_with_something_else_in_it_is_not_made_a_dataset(
    scratch: Path, reader: duckdb.DuckDBPyConnection
) -> None:
    path = scratch / "photos"
    path.mkdir()
    (path / "one.jpg").write_bytes(b"jpg")
    with pytest.raises(duckdb.Error) as error:
        call(reader, "space_create", path, columns="id BIGINT", primary_keys=["id"])
    assert kind_and_message(error.value)[0] == "already-exists"
    assert [p.name for p in path.iterdir()] == ["one.jpg"]


def test_files_that_nothing_refers_to_change_no_read(
    ds: Path, reader: duckdb.DuckDBPyConnection, copied: Callable[[str | None], Path]
) -> None:
    before = contents(reader, ds)
    (ds / "log/.00000000000000000008.json.0a1b.tmp").write_bytes(b'{"format": 1, "half')
    (ds / "log/00000000000000000008.json.tmp").write_bytes(b"{}")
    (ds / "log/README").write_text("hello")
    (ds / "data/11111111-1111-4111-8111-111111111111.parquet").write_bytes(b"PAR1 half")
    (ds / "deletes/11111111-1111-4111-8111-111111111111.parquet").write_bytes(b"")
    assert contents(reader, ds) == before
    assert call(reader, "space_append", ds, "SELECT 50 AS id")[0] == 8
