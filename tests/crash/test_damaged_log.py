"""Log entries, checkpoints and space.json that are damaged, missing, or newer than this release."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from space_sql.format.paths import FORMAT_VERSION, MARKER, checkpoint_path, entry_path
from tests.concurrency.sql import call, kind_and_message, rows
from tests.crash.contents import contents
from tests.crash.log_entry import read_entry, write_entry
from tests.crash.writes import SOURCE, WRITES

pytestmark = pytest.mark.crash
LONG = bool(os.environ.get("SPACE_SQL_LONG"))
Copied = Callable[[str | None], Path]


def refused(reader: duckdb.DuckDBPyConnection, path: Path) -> tuple[str, str]:
    """The error that reading a dataset gives; writing to it gives the same, and changes nothing."""
    with pytest.raises(duckdb.Error) as reading:
        contents(reader, path)
    entries = sorted((path / "log").iterdir())
    with pytest.raises(duckdb.Error) as writing:
        call(reader, "space_append", path, SOURCE)
    assert sorted((path / "log").iterdir()) == entries
    assert kind_and_message(writing.value) == kind_and_message(reading.value)
    return kind_and_message(reading.value)


def flips(size: int) -> Iterable[tuple[int, int]]:
    """Bytes and bits to flip: all of them in the long form, else a few drawn with a fixed seed."""
    every = [(byte, bit) for byte in range(size) for bit in range(8)]
    return every if LONG and size < 2000 else random.Random(7).sample(every, min(len(every), 2000 if LONG else 60))


@pytest.mark.parametrize("kept", [0, 1, 40, -66, -1])
def test_a_truncated_log_entry_is_named(kept: int, ds: Path, reader: duckdb.DuckDBPyConnection) -> None:
    entry = ds / entry_path(4)
    entry.write_bytes(entry.read_bytes()[:kept])
    kind, message = refused(reader, ds)
    assert kind == "format"
    assert entry_path(4) in message


def test_a_log_entry_with_any_bit_flipped_is_named(ds: Path, reader: duckdb.DuckDBPyConnection) -> None:
    entry = ds / entry_path(4)
    whole = entry.read_bytes()
    before = contents(reader, ds)
    for byte, bit in flips(len(whole)):
        damaged = bytearray(whole)
        damaged[byte] ^= 1 << bit
        entry.write_bytes(damaged)
        with pytest.raises(duckdb.Error) as error:
            contents(reader, ds)
        kind, message = kind_and_message(error.value)
        assert kind == "format", (byte, bit)
        assert entry_path(4) in message, (byte, bit)
    entry.write_bytes(whole)
    assert contents(reader, ds) == before


def test_a_log_entry_under_the_number_of_another_is_named(ds: Path, reader: duckdb.DuckDBPyConnection) -> None:
    (ds / entry_path(4)).write_bytes((ds / entry_path(3)).read_bytes())
    kind, message = refused(reader, ds)
    assert kind == "format"
    assert entry_path(4) in message


@pytest.mark.parametrize("missing", [0, 1, 3, 6])
def test_a_missing_log_entry_is_not_taken_for_the_end_of_history(
    missing: int, ds: Path, reader: duckdb.DuckDBPyConnection
) -> None:
    (ds / entry_path(missing)).unlink()
    kind, message = refused(reader, ds)
    assert kind in ("format", "not-found")
    assert re.search(rf"\b{missing}\b|{missing:020d}", message), message


def test_an_entry_that_a_listing_left_out_is_not_taken_for_missing(
    ds: Path, reader: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is listed while others commit may show an entry and not the one before it."""
    before = contents(reader, ds)
    listed = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: [n for n in listed(path) if n != Path(entry_path(6)).name])
    assert contents(reader, ds) == before


def test_a_log_entry_of_a_newer_format_asks_for_an_upgrade(ds: Path, reader: duckdb.DuckDBPyConnection) -> None:
    members = read_entry(ds, 7)
    write_entry(ds, 7, {**members, "format": FORMAT_VERSION + 1, "something": "new"})
    kind, message = refused(reader, ds)
    assert kind == "format"
    assert "upgrade" in message


def test_an_older_version_is_still_read_when_a_newer_entry_is_damaged(
    ds: Path, reader: duckdb.DuckDBPyConnection
) -> None:
    """Not promised, but nothing may be guessed: either it is right or it is refused."""
    before = rows(reader, ds, version="v1")
    (ds / entry_path(7)).write_bytes(b"")
    try:
        contents(reader, ds)
    except duckdb.Error as error:
        assert kind_and_message(error)[0] == "format"  # noqa: PT017 - both ways are right
    else:
        assert rows(reader, ds, version="v1") == before


@pytest.mark.parametrize(
    "member", ["parent_id", "branch", "files_added", "deletes_added", "time", "operation", "files_removed"]
)
def test_an_entry_that_lacks_a_member_is_named(member: str, ds: Path, reader: duckdb.DuckDBPyConnection) -> None:
    members = read_entry(ds, 5)
    del members[member]
    write_entry(ds, 5, members)
    kind, message = refused(reader, ds)
    assert kind == "format"
    assert entry_path(5) in message


@pytest.mark.parametrize("outside", ["../other/data.parquet", "/etc/passwd", "data/../../x.parquet", "", 7])
def test_an_entry_whose_file_is_outside_of_the_folder_is_refused(
    outside: object, ds: Path, reader: duckdb.DuckDBPyConnection
) -> None:
    members = read_entry(ds, 1)
    members["files_added"][0]["path"] = outside
    write_entry(ds, 1, members)
    kind, message = refused(reader, ds)
    assert kind == "format"
    assert "not inside the dataset folder" in message


# -- checkpoints --------------------------------------------------------------------------------


@pytest.fixture
def checkpointed(copied: Copied, reader: duckdb.DuckDBPyConnection) -> Path:
    """A dataset whose newest entry but one has a checkpoint."""
    path = copied("a checkpoint")
    WRITES["append"].run(reader, path)
    call(reader, "space_upsert", path, SOURCE.replace("new ", "newer "))
    assert (path / checkpoint_path(32)).exists()
    return path


def test_a_damaged_checkpoint_is_replaced_by_the_log(checkpointed: Path, reader: duckdb.DuckDBPyConnection) -> None:
    before = contents(reader, checkpointed)
    checkpoint = checkpointed / checkpoint_path(32)
    whole = checkpoint.read_bytes()
    other = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": [1]}), other)
    for damaged in (b"", b"PAR1", whole[: len(whole) // 2], whole[:-1], bytes(len(whole)), bytes(other.getvalue())):
        checkpoint.write_bytes(damaged)
        assert contents(reader, checkpointed) == before, damaged[:20]
    checkpoint.unlink()
    assert contents(reader, checkpointed) == before


def test_a_checkpoint_with_any_bit_flipped_never_gives_a_wrong_answer(
    checkpointed: Path, reader: duckdb.DuckDBPyConnection
) -> None:
    before = contents(reader, checkpointed)
    checkpoint = checkpointed / checkpoint_path(32)
    whole = checkpoint.read_bytes()
    for byte, bit in flips(len(whole)):
        damaged = bytearray(whole)
        damaged[byte] ^= 1 << bit
        checkpoint.write_bytes(damaged)
        assert contents(reader, checkpointed) == before, (byte, bit)


def test_a_write_on_a_damaged_checkpoint_goes_on_from_the_log(
    checkpointed: Path, reader: duckdb.DuckDBPyConnection
) -> None:
    before = rows(reader, checkpointed)
    (checkpointed / checkpoint_path(32)).write_bytes(b"nothing")
    contents(reader, checkpointed)
    assert call(reader, "space_delete", checkpointed, "id = 0")[0] == 34
    assert rows(reader, checkpointed) == [row for row in before if row[0] != 0]


# -- space.json ---------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", '{"format": "new"}', '{"format": 1}', "\x00\xff"])
def test_a_damaged_space_json_is_named(text: str, ds: Path, reader: duckdb.DuckDBPyConnection) -> None:
    (ds / MARKER).write_text(text, encoding="latin-1")
    kind, message = refused(reader, ds)
    assert kind == "format"
    assert MARKER in message


def test_a_dataset_of_a_newer_format_asks_for_an_upgrade(ds: Path, reader: duckdb.DuckDBPyConnection) -> None:
    marker = orjson.loads((ds / MARKER).read_bytes())
    (ds / MARKER).write_bytes(orjson.dumps({**marker, "format": FORMAT_VERSION + 1}))
    kind, message = refused(reader, ds)
    assert kind == "format"
    assert "upgrade" in message


def test_without_space_json_a_folder_is_not_a_dataset(ds: Path, reader: duckdb.DuckDBPyConnection) -> None:
    (ds / MARKER).unlink()
    with pytest.raises(duckdb.Error) as error:
        rows(reader, ds)
    kind, message = kind_and_message(error.value)
    assert kind == "not-found"
    assert MARKER in message


def test_a_dataset_that_is_not_there_is_not_made_over_a_damaged_one(
    ds: Path, reader: duckdb.DuckDBPyConnection
) -> None:
    """Creating where a dataset lost its space.json does not throw its log away."""
    (ds / MARKER).unlink()
    before = sorted(ds.rglob("*"))
    with pytest.raises(duckdb.Error) as error:
        call(reader, "space_create", ds, columns="id BIGINT", primary_keys=["id"])
    assert kind_and_message(error.value)[0] in ("already-exists", "format")
    assert [p for p in before if not p.exists()] == []
