"""`space-sql serve` as a process: what it prints into a pipe, how it ends, who is let in."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

import space_sql
from space_sql.cli.app import main

pytest.importorskip("uvicorn", reason="needs the serve extra")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("served")
    with space_sql.connect() as con:
        con.execute("SET VARIABLE space_sync = false")
        con.execute(
            "CALL space_create($path, source => 'SELECT 1 AS id', primary_keys => ['id'])", {"path": str(root / "ds")}
        )
    return root


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server with its output in a pipe, and its port as it is told there while it runs."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        [sys.executable, "-m", "space_sql.cli", "serve", str(folder), "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**environment, "PYTHONPATH": str(ROOT), "COLUMNS": "500"},
    ) as server:
        try:
            assert server.stdout is not None
            found = re.search(r"at http://(\S+):(\d+)/ ", server.stdout.readline())
            assert found
            yield server, int(found[2])
        finally:
            server.kill()


def asked(port: int, host: str) -> int:
    """How a request that names the server in this way is answered."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", "/api/datasets", headers={"Host": host})
        answer = connection.getresponse()
        answer.read()
        return answer.status


@pytest.mark.parametrize(("ending", "host"), [(signal.SIGTERM, "127.0.0.1"), (signal.SIGINT, "0.0.0.0")])
def test_it_says_where_at_once_and_ends_without_a_word(folder: Path, ending: signal.Signals, host: str) -> None:
    with serving(folder, "--host", host, "--allow-host", "data.example.org") as (server, port):
        assert asked(port, f"127.0.0.1:{port}") == 200
        assert asked(port, f"0.0.0.0:{port}") == (200 if host == "0.0.0.0" else 403)
        assert asked(port, "data.example.org") == 200
        assert asked(port, "evil.example.org") == 403
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as idle:  # as a browser keeps one
            idle.request("GET", "/", headers={"Host": "127.0.0.1"})
            idle.getresponse().read()
            server.send_signal(ending)
            told = server.communicate(timeout=60)
        assert (server.returncode, *told) == (0, "", "")


def test_what_cannot_be_served_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for arguments, expected in (
            ([str(folder), "--port", str(port)], f"invalid-input: cannot listen on port {port} of 127.0.0.1: Address"),
            ([str(folder / "nothing")], f"not-found: no folder at {folder / 'nothing'}"),
            ([str(folder), "--host", "no.such.host.invalid"], "invalid-input: cannot listen on port 8765 of no.such"),
        ):
            monkeypatch.setattr(sys, "argv", ["space-sql", "serve", *arguments])
            with pytest.raises(SystemExit) as ended:
                main()
            assert ended.value.code == 1
            told = " ".join(capsys.readouterr().err.split())
            assert expected in told
            assert "Traceback" not in told
