"""Sync and push against a server that fails, changes and is away, over real HTTP."""

from __future__ import annotations

import os
import pty
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest

import space_sql
from space_sql.dataset.transact import Options
from space_sql.errors import InvalidInputError, NotFoundError, StorageError
from tests.label_studio import fake as faults
from tests.label_studio.fake import TOKEN, Fake, serving

pytest.importorskip("httpx", reason="pip install 'space-sql[label-studio]'")
pytest.importorskip("tenacity", reason="pip install 'space-sql[label-studio]'")

from space_sql.interop.label_studio.server import Server
from space_sql.interop.label_studio.sync import sync

ROOT = Path(__file__).parents[2]
LONG = bool(os.environ.get("SPACE_SQL_LONG"))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", TOKEN)
    with serving() as one:
        one.add(230)
        for task in range(1, 20):
            one.annotate(task, "praise" if task % 3 else "fault", 1 + task % 2)
        yield one


def brought(fake: Fake, root: Path, *, branch: str | None = None, **arguments: Any) -> list[dict[str, Any]]:
    """What a sync does; it waits for the server as long as a test can."""
    of_server = {key: arguments.pop(key) for key in ("rate", "attempts", "timeout") if key in arguments}
    with Server(fake.address, **{"rate": 1000, "pause": 0.02, **of_server}) as server:
        return sync(server, str(root), Options(branch=branch), **arguments)


def asked(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    return connection().execute(sql, values).fetchall()


@cache
def connection() -> duckdb.DuckDBPyConnection:
    return space_sql.connect()


def labels(root: Path, branch: str = "main") -> list[tuple[int, int, str]]:
    return asked(
        f"SELECT task_id, annotator, label FROM space_scan('{root}/regions', version => $1) ORDER BY ALL", branch
    )


def snapshots(root: Path) -> dict[str, int]:
    return {
        name: asked(f"SELECT max(snapshot_id) FROM space_snapshots('{root}/{name}')")[0][0]
        for name in ("tasks", "annotations", "regions")
    }


def equal(fake: Fake, root: Path, branch: str = "main") -> bool:
    tasks = asked(
        f"SELECT task_id, data->>'text' FROM space_scan('{root}/tasks', version => $1) ORDER BY task_id", branch
    )
    return labels(root, branch) == fake.truth() and tasks == [(n, t["data"]["text"]) for n, t in fake.tasks.items()]


def test_what_changed_is_fetched_and_nothing_else(fake: Fake, tmp_path: Path) -> None:
    brought(fake, tmp_path)
    assert equal(fake, tmp_path)
    authors = asked(f"SELECT author FROM space_snapshots('{tmp_path}/annotations')")
    assert authors == [("ann1@example.com, ann2@example.com",)]
    fake.pass_time()
    fake.annotate(150, "fault", 2)
    fake.edit(160, text="edited")
    fake.delete(5)
    fake.delete(230)
    rows = {row["dataset"]: row for row in brought(fake, tmp_path)}
    counts = ("rows_inserted", "rows_updated", "rows_deleted")
    assert [rows["tasks"][c] for c in counts] == [0, 1, 2]
    assert [rows["annotations"][c] for c in counts] == [1, 0, 1]
    assert equal(fake, tmp_path)
    fetched = "".join(path for _, path, _ in fake.requests if "/export" in path).count("ids%5B%5D=")
    assert fetched <= 230 + 2 + 60  # a second a change, and it looks back a minute
    before = snapshots(tmp_path)
    brought(fake, tmp_path)
    assert snapshots(tmp_path) == before


def test_each_branch_is_brought_up_from_where_it_is(fake: Fake, tmp_path: Path) -> None:
    brought(fake, tmp_path)
    fake.pass_time()
    fake.change(3, "praise")
    fake.pass_time()
    fake.annotate(100, "praise")
    brought(fake, tmp_path, branch="round-2")
    assert equal(fake, tmp_path, "round-2")
    assert not equal(fake, tmp_path)
    brought(fake, tmp_path)
    assert equal(fake, tmp_path)


def test_a_branch_made_again_and_a_state_restored_are_brought_up_anew(fake: Fake, tmp_path: Path) -> None:
    brought(fake, tmp_path)
    fake.pass_time()
    fake.change(3, "praise")
    brought(fake, tmp_path, branch="round")
    for name in ("tasks", "annotations", "regions"):
        asked(f"CALL space_drop_branch('{tmp_path}/{name}', 'round')")
        asked(f"CALL space_branch('{tmp_path}/{name}', 'round')")
    fake.pass_time()
    fake.annotate(100, "praise")
    brought(fake, tmp_path, branch="round")
    assert equal(fake, tmp_path, "round")
    brought(fake, tmp_path)
    for name in ("annotations", "regions"):
        asked(f"CALL space_restore('{tmp_path}/{name}', '0')")
    brought(fake, tmp_path)
    assert equal(fake, tmp_path)


def test_a_dataset_that_is_missing_is_made_whole(fake: Fake, tmp_path: Path) -> None:
    import shutil

    brought(fake, tmp_path)
    fake.pass_time()
    fake.change(3, "praise")
    shutil.rmtree(tmp_path / "regions")
    brought(fake, tmp_path)
    assert equal(fake, tmp_path)


def test_corrections_stay_until_all_is_asked_for(fake: Fake, tmp_path: Path) -> None:
    brought(fake, tmp_path)
    fake.pass_time()
    fake.annotate(100, "praise")
    brought(fake, tmp_path)
    asked(f"CALL space_update('{tmp_path}/regions', 'label = ''mine''', 'task_id = 3')")
    brought(fake, tmp_path)
    assert (3, 2, "mine") in labels(tmp_path)
    brought(fake, tmp_path, anew=True)
    assert equal(fake, tmp_path)


def test_tasks_that_go_while_the_list_is_read_take_no_other_with_them(fake: Fake, tmp_path: Path) -> None:
    brought(fake, tmp_path)
    fake.pass_time()

    def vanish(handler: faults.Handler) -> bool:
        for task in range(100, 181):
            fake.tasks.pop(task, None)
        return False

    fake.faults = [faults.well, vanish]  # the first page was read; the second begins elsewhere now
    (tasks, *_) = brought(fake, tmp_path) or [{"rows_deleted": 0}]
    assert tasks["rows_deleted"] in range(82)
    brought(fake, tmp_path)
    assert equal(fake, tmp_path)
    inserted = asked(f"SELECT sum(rows_inserted) FROM space_snapshots('{tmp_path}/tasks')")
    assert inserted == [(230,)]  # none was taken for gone and came back


def test_a_server_that_is_away_for_a_moment_is_waited_for(fake: Fake, tmp_path: Path) -> None:
    bad = [faults.status(429, Retry_After="0"), faults.status(500), faults.reset, faults.slow, faults.status(503)]
    fake.faults = [*bad, faults.well, *bad, faults.well, *bad]
    brought(fake, tmp_path, timeout=0.5)
    assert equal(fake, tmp_path)
    assert not fake.faults


def test_it_comes_again_when_the_server_says_so(fake: Fake, tmp_path: Path) -> None:
    fake.faults = [faults.status(429, Retry_After="1")]
    brought(fake, tmp_path)
    (_, _, first), (_, _, second) = fake.requests[:2]
    assert 1.0 <= second - first < 3.0


def test_no_more_requests_a_second_than_allowed(fake: Fake, tmp_path: Path) -> None:
    fake.add(400)
    brought(fake, tmp_path, rate=20)
    times = [when for _, _, when in fake.requests]
    assert len(times) >= 8
    assert times[-1] - times[0] >= (len(times) - 1) / 20 - 0.06


@pytest.mark.parametrize(
    ("fault", "error", "told"),
    [
        (faults.status(401), InvalidInputError, "refuses the token in LABEL_STUDIO_API_KEY (401"),
        (faults.status(403), InvalidInputError, "refuses the token in LABEL_STUDIO_API_KEY (403"),
        (faults.status(404), NotFoundError, "is 7 the right project?"),
        (faults.status(400), InvalidInputError, "answered 400"),
        (faults.status(500), StorageError, "answered 500 to GET /api/tasks of "),
        (faults.html, StorageError, "with text/html, not with JSON: is it a Label Studio server?"),
        (faults.reset, StorageError, "no answer to GET /api/tasks of "),
    ],
    ids=["401", "403", "404", "400", "500", "html", "reset"],
)
def test_what_is_refused_is_told_and_changes_nothing(
    fake: Fake, tmp_path: Path, fault: faults.Fault, error: type[Exception], told: str
) -> None:
    fake.before = fault
    with pytest.raises(error) as raised:
        brought(fake, tmp_path, attempts=2)
    assert told in str(raised.value)
    fake.before = lambda handler: fault(handler) if "/export" in handler.path else False
    with pytest.raises(error):
        brought(fake, tmp_path, attempts=1)
    assert not (tmp_path / "tasks").exists()


def test_a_page_in_the_place_of_an_export_is_told_in_sql(fake: Fake, tmp_path: Path) -> None:
    fake.before = faults.html
    with pytest.raises(Exception, match="cut off or no JSON array") as raised:
        asked(f"CALL space_import_label_studio('{tmp_path}/ds', '{fake.address}')")
    assert "Traceback" not in str(raised.value)


def test_an_interrupted_first_sync_goes_on(fake: Fake, tmp_path: Path) -> None:
    fake.add(400)
    parts = iter(range(100))
    fake.before = lambda h: "/export" in h.path and next(parts) >= 4 and faults.status(500)(h)
    with pytest.raises(StorageError):
        brought(fake, tmp_path, attempts=1)
    fetched = fake.count("/export") - 1
    assert fetched == 4
    fake.before = faults.well
    fake.delete(2)  # what changed meanwhile is in one part
    steps: list[tuple[int, int]] = []
    brought(fake, tmp_path, progress=lambda what, done, total: steps.append((done, total)))
    assert equal(fake, tmp_path)
    assert fake.count("/export") == 1 + 7 + 1
    assert steps[0] == (0, 629)
    assert steps[-1] == (629, 629)
    assert steps == sorted(steps)


def _process(fake: Fake, root: Path, *options: str, **arguments: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "space_sql.cli", "label-studio", "sync", fake.address, str(root), *options]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, **arguments)


def test_a_person_sees_how_far_it_is_and_a_second_one_is_refused(fake: Fake, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()

    def second(handler: faults.Handler) -> bool:
        if "/export" in handler.path:
            with pytest.raises(Exception, match="another sync of project 7 is at work"):
                brought(fake, tmp_path)
            fake.before = faults.well
        return False

    fake.before = second
    with _process(fake, tmp_path, "--rate", "10", stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        told = b""
        try:
            while piece := os.read(ours, 4096):
                told += piece
        except OSError:  # the other end is closed
            pass
        os.close(ours)
    assert process.returncode == 0
    assert b"/230" in told
    assert b"tasks: +230 ~0 -0" in told


def test_a_wrong_token_is_one_line(fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "wrong")
    with _process(fake, tmp_path, "--watch", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        out, error = process.communicate(timeout=60)
    assert process.returncode == 1
    assert out == b""
    assert len(error.strip().splitlines()) == 1
    assert b"refuses the token in LABEL_STUDIO_API_KEY" in error


@pytest.mark.crash
@pytest.mark.parametrize("seed", range(12 if LONG else 1))
def test_a_killed_sync_loses_nothing_and_repeats_nothing(fake: Fake, tmp_path: Path, seed: int) -> None:
    chosen = random.Random(seed)
    for _ in range(4 if LONG else 2):
        for _ in range(8):
            task = chosen.choice(sorted(fake.tasks))
            chosen.choice([
                lambda t: fake.annotate(t, "fault", 2), lambda t: fake.edit(t, text="edited"), fake.delete,
                lambda t: fake.tasks[t]["annotations"] and fake.change(t, "praise"),
            ])(task)  # fmt: skip
        fake.pass_time()
        with _process(fake, tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            wanted = chosen.choice(["/api/tasks", "/export", "/api/users", "written"])
            seen, until = len(fake.requests), time.monotonic() + 20
            while time.monotonic() < until and process.poll() is None:
                paths = [path for _, path, _ in fake.requests[seen:]]
                if any((("/api/users" if wanted == "written" else wanted) in path) for path in paths):
                    break
                time.sleep(0.002)
            time.sleep(chosen.random() * (0.3 if wanted == "written" else 0.02))
            process.send_signal(signal.SIGKILL)
            process.wait()
    brought(fake, tmp_path)
    assert equal(fake, tmp_path)
    for name in ("tasks", "annotations", "regions"):
        assert asked(f"FROM space_verify('{tmp_path}/{name}', deep => true)") == []
    assert not list((tmp_path / ".label-studio").glob("export-*"))
    before = snapshots(tmp_path)
    brought(fake, tmp_path)
    assert snapshots(tmp_path) == before


PUSH = """FROM space_push_label_studio('{address}', $$
  SELECT 'key ' || i AS key, {{'text': 'row ' || i}} AS data, 'topic' AS from_name, {label} AS label, 0.5 AS score
  FROM range(150) t(i)$$)"""


def test_a_push_that_is_interrupted_and_repeated_makes_no_double(fake: Fake) -> None:
    push = PUSH.format(address=fake.address, label="'praise'")
    with pytest.raises(Exception, match='"topic" has no label "nope"; it has praise, fault'):
        asked(PUSH.format(address=fake.address, label="'nope'"))
    assert {method for method, _, _ in fake.requests} == {"GET"}  # nothing was sent

    def lost(handler: faults.Handler) -> bool:
        """The server does it, and its answer gets lost."""
        if handler.command == "POST":
            handler._api(handler.path, {})
            fake.before = faults.well
            return faults.reset(handler)
        return False

    fake.before = lost
    assert asked(push) == [(150, 0, 150, 0, 0)]
    assert asked(push) == [(0, 0, 0, 0, 150)]
    changed = PUSH.format(address=fake.address, label="CASE WHEN i < 2 THEN 'fault' ELSE 'praise' END")
    assert asked(changed) == [(0, 0, 0, 2, 148)]
    keys = [task["meta"]["space_key"] for task in fake.tasks.values() if "space_key" in task["meta"]]
    assert sorted(keys) == sorted(f"key {i}" for i in range(150))
    assert len(fake.predictions) == 150
