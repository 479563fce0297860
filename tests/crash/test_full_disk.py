"""A real disk that is full."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import space_sql
from tests.concurrency.sql import call, kind_and_message, rows
from tests.crash.child import Pipe, process, received

pytestmark = pytest.mark.crash
NOISE = "list_transform(range(99), lambda n: md5(n || ' of ' || range))::VARCHAR"
BIG = f"SELECT range AS id, {NOISE} AS label FROM range(2000)"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MiB in memory; skips where it cannot be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_write_to_a_full_disk_says_so_and_the_dataset_stays(
    small_disk: Path, reader: duckdb.DuckDBPyConnection
) -> None:
    path = small_disk / "ds"
    call(reader, "space_create", path, source="SELECT 1 AS id, 'one' AS label", primary_keys=["id"])
    for function in ("space_append", "space_insert", "space_upsert", "space_overwrite"):
        with pytest.raises(duckdb.Error) as error:
            call(reader, function, path, BIG)
        kind, message = kind_and_message(error.value)
        assert kind == "storage"
        assert "no space left on the disk" in message
        assert rows(reader, path) == [(1, "one")]
    assert list((path / "data").iterdir()) != []
    assert sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) < 100_000, "nothing is left behind"
    assert call(reader, "space_append", path, "SELECT 2 AS id, 'two' AS label")[0] == 1


def test_a_create_on_a_full_disk_leaves_no_folder(small_disk: Path, reader: duckdb.DuckDBPyConnection) -> None:
    path = small_disk / "ds"
    with pytest.raises(duckdb.Error) as error:
        call(reader, "space_create", path, source=BIG, primary_keys=["id"])
    assert kind_and_message(error.value)[0] == "storage"
    assert not path.exists()


def append_with_a_limit(pipe: Pipe, path: Path) -> None:
    """Append in a process whose files may not grow beyond 64 KiB."""
    con = space_sql.connect()
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
    try:
        pipe.send(call(con, "space_append", path, BIG))
    except duckdb.Error as error:
        pipe.send(str(error))


def test_a_file_that_may_not_grow_fails_the_write_in_one_line(ds: Path, reader: duckdb.DuckDBPyConnection) -> None:
    before = rows(reader, ds)
    with process(append_with_a_limit, ds) as (_, pipe):
        (said,) = received(pipe)
    assert isinstance(said, str), said
    assert kind_and_message(duckdb.Error(said))[0] == "storage"
    assert rows(reader, ds) == before
