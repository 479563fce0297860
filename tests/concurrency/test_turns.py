"""A write that was overtaken again and again asks the others to wait, so that no write starves."""

from __future__ import annotations

import fcntl
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from space_sql.dataset import transact
from space_sql.storage import turn
from tests.concurrency.conftest import Connection
from tests.concurrency.sql import call, rows
from tests.crash.child import process, received


def hold(pipe: Any, folder: Path) -> None:
    """A process that takes a turn and keeps it."""
    with turn.taken(folder):
        pipe.send("taken")
        time.sleep(60)


def waited(folder: Path) -> float:
    start = time.monotonic()
    turn.awaited(folder)
    return time.monotonic() - start


def test_others_wait_until_the_turn_is_given_back(tmp_path: Path) -> None:
    ended: list[str] = []
    with turn.taken(tmp_path):
        other = threading.Thread(target=lambda: (turn.awaited(tmp_path), ended.append("waited")))
        other.start()
        other.join(0.2)
        assert not ended
    other.join(10)
    assert ended == ["waited"]


def test_a_process_that_dies_gives_its_turn_back(tmp_path: Path) -> None:
    with process(hold, tmp_path) as (holder, pipe):
        assert pipe.recv() == "taken"
        holder.kill()
        assert received(pipe) == []
    assert waited(tmp_path) < turn.LONGEST / 2


def test_nobody_waits_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "LONGEST", 0.1)
    with turn.taken(tmp_path):
        assert 0.1 <= waited(tmp_path) < 5


def test_nobody_waits_where_files_cannot_be_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: int, how: int) -> None:
        raise OSError("no locks here")

    with turn.taken(tmp_path):
        monkeypatch.setattr(fcntl, "flock", refuse)
        assert waited(tmp_path) < turn.LONGEST / 2


@pytest.fixture
def rival(b: Connection, ds: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """B commits whenever A is about to, as long as B is not asked to wait."""
    overtaken: list[int] = []
    numbers = iter(range(1000, 10_000))
    attempt = transact._attempt

    def beside(session: Any, view: Any, options: Any, operation: str, build: Any, *rest: Any, **more: Any) -> Any:
        def late(tip: Any) -> Any:
            made = build(tip)
            if not tip.own and _may_go(ds):
                overtaken.append(1)
                other = threading.Thread(target=lambda: call(b, "space_append", ds, f"SELECT {next(numbers)} AS id"))
                other.start()
                other.join()
            return made

        mine = late if operation == "delete" else build
        return attempt(session, view, options, operation, mine, *rest, **more)

    monkeypatch.setattr(transact, "_attempt", beside)
    return overtaken


def _may_go(ds: Path) -> bool:
    return waited(ds / "log") < 0.05


def test_a_write_that_others_overtake_again_and_again_gets_its_turn(
    rival: list[int], a: Connection, ds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "LONGEST", 0.2)
    gone = rows(a, ds)[0][0]
    call(a, "space_delete", ds, f"id = {gone}")
    assert len(rival) == transact._PATIENCE
    assert gone not in [row[0] for row in rows(a, ds)]
    assert len([row for row in rows(a, ds) if row[0] >= 1000]) == transact._PATIENCE
