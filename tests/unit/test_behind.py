"""Record files are synced while they are written, and a failure there is told."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from space_sql.errors import SpaceError
from space_sql.format.records import RecordOptions
from space_sql.storage.behind import BEHIND_BYTES, SyncBehind
from space_sql.storage.records import RecordWriter

RECORD = os.urandom(1 << 20)
COUNT = 2 * (BEHIND_BYTES >> 20)


def _filled(writer: RecordWriter) -> RecordWriter:
    for _ in range(COUNT):
        writer.append(RECORD)
    return writer


def test_much_is_synced_before_the_end_and_all_of_it_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def recorded(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", recorded)
    writer = _filled(RecordWriter(tmp_path, "1-image", RecordOptions(), sync=True))
    (file,) = writer.close(sync=True)
    full = str(tmp_path / file.path)
    assert synced.count(full) >= 2
    assert synced.index(str(tmp_path)) > len(synced) - 1 - synced[::-1].index(full)


def test_a_sync_that_failed_once_fails_the_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync, failures = os.fsync, [OSError(errno.EIO, "Input/output error")]

    def failing(descriptor: int) -> None:
        if failures:
            raise failures.pop()
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", failing)
    writer = RecordWriter(tmp_path, "1-image", RecordOptions(), sync=True)
    with pytest.raises(SpaceError, match="Input/output error"):
        _filled(writer).close(sync=True)
    assert not failures
    writer.abort()
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_little_is_synced_at_its_end_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: pytest.fail("something was synced"))
    behind = SyncBehind()
    behind.wrote(tmp_path / "file", BEHIND_BYTES - 1)
    behind.finish()
