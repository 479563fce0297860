"""A real Apache Superset as users set it up, with its metadata in a folder, and its API."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

USER = {"username": "admin", "password": "a password"}
_STARTS_WITHIN = 180
_PATIENCE = 120_000


@contextmanager
def running(home: Path) -> Iterator[str]:
    """Set one up below a folder, run it on a free port, and give its address."""
    environment = {
        **os.environ,
        "SUPERSET_HOME": str(home),
        "SUPERSET_SECRET_KEY": "a key for this test only, of no use elsewhere",
        "FLASK_APP": "superset",
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-c", "from superset.cli.main import superset; superset()"]
    names = ("--firstname", "Ana", "--lastname", "Lyst", "--email", "ana@example.com")
    for told in (
        ["db", "upgrade"],
        ["fab", "create-admin", "--username", USER["username"], "--password", USER["password"], *names],
        ["init"],
    ):
        done = subprocess.run([*command, *told], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    port = _free_port()
    log = home / "superset.log"
    with (
        log.open("w") as written,
        subprocess.Popen(
            [*command, "run", "--port", str(port), "--with-threads"], env=environment, stdout=written, stderr=written
        ) as server,
    ):
        url = f"http://127.0.0.1:{port}"
        try:
            _wait(server, url, log)
            yield url
        finally:
            server.terminate()


class Api:
    """Superset's API, asked as its own page asks it: with the cookies of a browser that has logged in."""

    def __init__(self, context: Any) -> None:
        self._asking = context.request
        self._headers = {"X-CSRFToken": self.get("security/csrf_token/")["result"]}

    def get(self, path: str, **asked: str) -> Any:
        """What a GET answers."""
        return _told(self._asking.get(f"/api/v1/{path}", params=asked, timeout=_PATIENCE), 200)

    def post(self, path: str, body: dict[str, Any], status: int) -> Any:
        """What a POST answers, which must be of that status."""
        answer = self._asking.post(f"/api/v1/{path}", data=body, headers=self._headers, timeout=_PATIENCE)
        return _told(answer, status)

    def sql(self, database: int, statement: str, status: int = 200) -> Any:
        """What SQL Lab answers to a statement."""
        asked = {"database_id": database, "sql": statement, "schema": "main", "runAsync": False, "queryLimit": 1000}
        return self.post("sqllab/execute/", asked, status)


def _told(answer: Any, status: int) -> Any:
    assert answer.status == status, f"{answer.status} {answer.url}: {answer.text()[:2000]}"
    return answer.json()


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def _wait(server: subprocess.Popen[Any], url: str, log: Path) -> None:
    until = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < until:
        assert server.poll() is None, log.read_text()[-4000:]
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"Superset did not start: {log.read_text()[-4000:]}")
