"""A folder that may be read but not written."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.concurrency.sql import call, kind_and_message, rows
from tests.crash.writes import SOURCE, WRITES

pytestmark = pytest.mark.crash


@pytest.fixture
def unwritable(ds: Path, tmp_path: Path) -> Iterator[Path]:
    """The dataset without write permission; for root, who may write anyway, mounted read-only."""
    if os.geteuid() != 0:
        folders = [ds, *(p for p in ds.rglob("*") if p.is_dir())]
        for folder in folders:
            folder.chmod(0o555)
        yield ds
        for folder in folders:
            folder.chmod(0o755)
        return
    view = tmp_path / "view"
    view.mkdir()
    bound = subprocess.run(["mount", "--bind", str(ds), str(view)], capture_output=True)
    if bound.returncode:
        pytest.skip(f"root may write everywhere, and a read-only mount fails: {bound.stderr.decode().strip()}")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(view)], check=True)
        yield view
    finally:
        subprocess.run(["umount", "-l", str(view)], check=True)


@pytest.mark.parametrize("name", [name for name, write in WRITES.items() if write.before == ""])
def test_a_write_to_a_folder_without_permission_says_so(
    name: str, unwritable: Path, reader: duckdb.DuckDBPyConnection
) -> None:
    before = rows(reader, unwritable)
    with pytest.raises(duckdb.Error) as error:
        WRITES[name].run(reader, unwritable)
    kind, message = kind_and_message(error.value)
    assert kind == "read-only"
    assert "nothing was committed" in message
    assert rows(reader, unwritable) == before


def test_a_create_in_a_folder_without_permission_says_so(unwritable: Path, reader: duckdb.DuckDBPyConnection) -> None:
    for named in ({"columns": "id BIGINT"}, {"source": SOURCE}):
        with pytest.raises(duckdb.Error) as error:
            call(reader, "space_create", unwritable / "inner", primary_keys=["id"], **named)
        assert kind_and_message(error.value)[0] == "read-only"
