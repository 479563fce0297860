"""The receiver as a process: what it answered is written, however often it is killed.

What it must not take it refuses.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

import space_sql
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options
from space_sql.interop.label_studio.batch import Batch
from space_sql.interop.label_studio.datasets import put
from tests.label_studio.processes import free_port, served

httpx = pytest.importorskip("httpx", reason="pip install 'space-sql[label-studio]'")
pytest.importorskip("uvicorn", reason="pip install 'space-sql[label-studio]'")

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests/data/label_studio"
STREAM = [orjson.loads(line) for line in (DATA / "webhooks/stream.jsonl").read_bytes().splitlines()]
EVENTS = [orjson.dumps(event["body"]) for event in STREAM if event["path"] == "/boxes"]
LONG = bool(os.environ.get("SPACE_SQL_LONG"))


def _rows(root: Path) -> Any:
    columns = "task_id, annotation_id, annotator, skipped, ground_truth, result"
    with space_sql.connect() as con:
        found = con.execute(f"SELECT {columns} FROM space_scan('{root}/annotations') ORDER BY ALL").fetchall()
        tasks = con.execute(f"SELECT task_id, data FROM space_scan('{root}/tasks') ORDER BY ALL").fetchall()
    return found, tasks


def _started(root: Path) -> Path:
    put(Session(0, 0), str(root), Batch(file=DATA / "boxes/v1.json", complete=True), Options())
    return root


@pytest.mark.crash
@pytest.mark.parametrize("seed", range(10 if LONG else 1))
def test_no_event_that_was_answered_is_lost_by_killing(tmp_path: Path, seed: int) -> None:
    chosen = random.Random(seed)
    wanted = _started(tmp_path / "wanted")
    put(Session(0, 0), str(wanted), Batch(events=EVENTS), Options())
    root, port, sent = _started(tmp_path / "killed"), free_port(), 0
    while sent < len(EVENTS):
        with served(root, port) as process:
            for _ in range(chosen.randint(1, 1 + len(EVENTS) // 3)):
                if sent == len(EVENTS):
                    break
                httpx.post(f"http://127.0.0.1:{port}/", content=EVENTS[sent], timeout=30).raise_for_status()
                sent += 1
            time.sleep(chosen.choice([0, 0, 0.05, 0.5]))
            process.send_signal(signal.SIGKILL)
            process.wait()
    with served(root, port):
        until = time.monotonic() + 60
        while _rows(root) != _rows(wanted) and time.monotonic() < until:
            time.sleep(0.2)
    assert _rows(root) == _rows(wanted)
    with space_sql.connect() as con:
        for name in ("tasks", "annotations", "regions"):
            assert con.execute(f"FROM space_verify('{root}/{name}', deep => true)").fetchall() == []


def test_what_it_must_not_take_it_refuses(tmp_path: Path) -> None:
    root, port = _started(tmp_path / "ds"), free_port()
    before = _rows(root)
    with (
        served(root, port, "--size", "5000", secret="a secret"),
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as web,
    ):
        right = {"Authorization": "a secret"}
        assert web.post("/", content=EVENTS[0]).status_code == 401
        assert web.post("/", content=EVENTS[0], headers={"Authorization": "a secret "[:-2]}).status_code == 401
        assert web.post("/", content=b"{" + b" " * 6000, headers=right).status_code == 413
        assert web.post("/", content=b"no json", headers=right).status_code in {400, 422}
        assert web.get("/nowhere").status_code in {404, 405}
        time.sleep(1)
        assert _rows(root) == before


def test_it_listens_to_others_only_with_a_secret(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "space_sql.cli",
        "label-studio",
        "serve",
        str(tmp_path / "ds"),
        "--host",
        "0.0.0.0",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LABEL_STUDIO_WEBHOOK_SECRET": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "LABEL_STUDIO_WEBHOOK_SECRET" in done.stderr
    assert "Traceback" not in done.stderr


def test_whom_it_listens_to(tmp_path: Path) -> None:
    root, port = _started(tmp_path / "ds"), free_port()
    with served(root, port, "--host", "0.0.0.0", "--header", "X-Secret", secret="a secret"):
        for header, status in (("Authorization", 401), ("X-Secret", 200)):
            answer = httpx.post(f"http://127.0.0.1:{port}/", content=EVENTS[0], headers={header: "a secret"})
            assert answer.status_code == status
        second = [sys.executable, "-m", "space_sql.cli", "label-studio", "serve", str(root), "--port", str(port + 1)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(second, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1
        assert "another receiver is at work" in done.stderr
