"""What vacuum may take, and what verify finds."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

import space_sql
from space_sql.format.paths import checkpoint_path, entry_path
from tests.concurrency.sql import call, call_sql, rows

pytestmark = pytest.mark.crash
HOUR = 3600


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    return space_sql.connect()


@pytest.fixture
def ds(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> Path:
    """Forty commits with inserts, updates and deletes, a tag, a compacted head and a checkpoint."""
    path = tmp_path / "ds"
    con.execute("SET VARIABLE space_sync = false")
    call(con, "space_create", path, columns="id BIGINT, label VARCHAR, score DOUBLE", primary_keys=["id"])
    for number in range(36):
        call(con, "space_append", path, f"SELECT {number} AS id, 'x' AS label, {number} / 3 AS score")
    call(con, "space_update", path, "label = 'y'", "id % 3 = 0")
    call(con, "space_delete", path, "id % 5 = 0")
    call(con, "space_tag", path, "v1")
    con.execute(f"CALL {call_sql('space_compact', path)}").fetchall()
    return path


def listed(con: duckdb.DuckDBPyConnection, function: str, path: Path, **named: object) -> list[tuple[object, ...]]:
    return con.execute(f"FROM {call_sql(function, path, **named)}").fetchall()


def found(con: duckdb.DuckDBPyConnection, path: Path, *, deep: bool = True) -> set[tuple[object, ...]]:
    return {(severity, kind, file) for severity, kind, file, *_ in listed(con, "space_verify", path, deep=deep)}


def leave(path: Path, name: str, *, hours: float) -> Path:
    """A file that nothing refers to, of some age."""
    left = path / name
    left.write_bytes(b"left behind")
    then = time.time() - hours * HOUR
    os.utime(left, (then, then))
    return left


def test_what_killed_writers_left_behind_goes_after_the_grace_period(con: duckdb.DuckDBPyConnection, ds: Path) -> None:
    before = rows(con, ds)
    uuid = "00000000-0000-4000-8000-00000000000"
    old = [
        leave(ds, f"data/{uuid}1.parquet", hours=200),
        leave(ds, f"deletes/{uuid}2.parquet", hours=200),
        leave(ds, "log/.00000000000000000099.json.abc.tmp", hours=200),
    ]
    young = [leave(ds, f"data/{uuid}3.parquet", hours=20), leave(ds, f"data/{uuid}4.parquet", hours=0.5)]
    strange = [leave(ds, "data/README.txt", hours=200), leave(ds, "log/notes.json", hours=200)]
    assert listed(con, "space_vacuum", ds) == sorted((f.relative_to(ds).as_posix(), 11, "leftover") for f in old)
    assert not any(f.exists() for f in old)
    # A day is enough for the next one; what is younger than an hour may be about to be published.
    removed = con.execute(f"SELECT file FROM space_vacuum('{ds}', older_than => INTERVAL '0 seconds')").fetchall()
    assert removed == [(young[0].relative_to(ds).as_posix(),)]
    assert young[1].exists()
    assert all(f.exists() for f in strange)
    assert rows(con, ds) == before
    assert not found(con, ds)


def test_what_a_commit_needs_since_is_not_removed(
    con: duckdb.DuckDBPyConnection, ds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer publishes a file that vacuum has just chosen."""
    from space_sql.functions import vacuum

    files = sorted((ds / "data").iterdir())
    call(con, "space_append", ds, "SELECT 1000 AS id")
    (fresh,) = set((ds / "data").iterdir()) - set(files)
    entry = max((ds / "log").glob("*.json"))
    hidden = entry.with_suffix(".hidden")
    entry.rename(hidden)
    then = time.time() - 200 * HOUR
    os.utime(fresh, (then, then))
    chosen = vacuum.unneeded

    def late(*arguments: object) -> object:
        out = chosen(*arguments)  # type: ignore[arg-type]
        hidden.rename(entry)
        return out

    monkeypatch.setattr(vacuum, "unneeded", late)
    assert listed(con, "space_vacuum", ds) == []
    assert fresh.exists()
    assert (1000, None, None) in rows(con, ds)


def test_a_file_that_vanished_before_its_commit_fails_the_write(
    con: duckdb.DuckDBPyConnection, ds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from space_sql.dataset import fold

    before = rows(con, ds)

    def taking(root: Path, _before: object, commit: object, *, sync: bool) -> object:
        (root / commit.files_added[0].path).unlink()  # type: ignore[attr-defined]
        return commit

    monkeypatch.setattr(fold, "folded", taking)
    with pytest.raises(duckdb.Error, match=r"storage: .* vanished before it was committed"):
        call(con, "space_append", ds, "SELECT 1000 AS id")
    monkeypatch.undo()
    assert rows(con, ds) == before
    assert not found(con, ds)


def test_a_sound_dataset_has_no_findings(con: duckdb.DuckDBPyConnection, ds: Path) -> None:
    assert not found(con, ds, deep=False)
    assert not found(con, ds)
    con.execute(f"CALL {call_sql('space_expire', ds, keep_last=1)}").fetchall()
    con.execute(f"CALL space_vacuum('{ds}', older_than => INTERVAL '0 seconds')").fetchall()
    assert not found(con, ds)


def flipped(file: Path) -> None:
    raw = bytearray(file.read_bytes())
    raw[random.Random(7).randrange(len(raw))] ^= 4
    file.write_bytes(raw)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "missing": Path.unlink,
    "shorter": lambda file: os.truncate(file, file.stat().st_size - 1),
    "flipped": flipped,
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("folder", ["data", "deletes"])
def test_a_damaged_file_is_found(folder: str, damage: str, con: duckdb.DuckDBPyConnection, ds: Path) -> None:
    for file in sorted((ds / folder).iterdir()):
        whole = file.read_bytes()
        DAMAGES[damage](file)
        kind = {"missing": "missing-file", "shorter": "wrong-size"}.get(damage, f"{folder}-file")
        name = file.relative_to(ds).as_posix()
        assert ("error", kind, name) in found(con, ds)
        assert (("error", kind, name) in found(con, ds, deep=False)) == (damage != "flipped")
        file.write_bytes(whole)
    assert not found(con, ds)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_found(damage: str, con: duckdb.DuckDBPyConnection, ds: Path) -> None:
    file = ds / entry_path(20)
    DAMAGES[damage](file)
    assert ("error", "log", entry_path(20)) in found(con, ds) or (damage == "missing" and found(con, ds))


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_a_warning(damage: str, con: duckdb.DuckDBPyConnection, ds: Path) -> None:
    DAMAGES[damage](ds / checkpoint_path(32))
    assert found(con, ds) == {("warning", "checkpoint", checkpoint_path(32))}


def test_a_checkpoint_of_another_dataset_is_an_error(con: duckdb.DuckDBPyConnection, ds: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    call(con, "space_create", other, columns="id BIGINT", primary_keys=["id"])
    for number in range(33):
        call(con, "space_append", other, f"SELECT {number} AS id")
    (ds / checkpoint_path(32)).write_bytes((other / checkpoint_path(32)).read_bytes())
    assert found(con, ds, deep=False) == {("error", "checkpoint", checkpoint_path(32))}


@pytest.mark.parametrize("damage", [*DAMAGES, "of another dataset"])
def test_a_checkpoint_is_written_anew(damage: str, con: duckdb.DuckDBPyConnection, ds: Path) -> None:
    checkpoint = ds / checkpoint_path(32)
    before = rows(con, ds)
    if damage in DAMAGES:
        DAMAGES[damage](checkpoint)
    else:
        other = ds.parent / "other"
        call(con, "space_create", other, columns="id BIGINT", primary_keys=["id"])
        for number in range(33):
            call(con, "space_append", other, f"SELECT {number} AS id")
        checkpoint.write_bytes((other / checkpoint_path(32)).read_bytes())
    told = listed(con, "space_repair", ds, dry_run=True)
    assert [(action, file) for action, file, _ in told] == [("rewritten", checkpoint_path(32))]
    assert found(con, ds)
    assert listed(con, "space_repair", ds) == told
    assert not found(con, ds)
    assert rows(con, ds) == before
    assert rows(space_sql.connect(), ds) == before


def test_what_only_a_copy_can_mend_is_left(con: duckdb.DuckDBPyConnection, ds: Path) -> None:
    left = leave(ds, "data/00000000-0000-4000-8000-000000000001.parquet", hours=2)
    file = max((ds / "data").iterdir(), key=lambda f: f.stat().st_size)
    whole = file.read_bytes()
    file.unlink()
    (action,) = listed(con, "space_repair", ds)
    assert action[:2] == ("left", file.relative_to(ds).as_posix())
    assert left.exists()
    file.write_bytes(whole)
    assert [a[:2] for a in listed(con, "space_repair", ds)] == [("removed", left.relative_to(ds).as_posix())]
    assert not left.exists()
