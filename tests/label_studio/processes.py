"""A receiver and a sync as processes of their own, to be killed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "space_sql.cli", "label-studio"]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def served(root: Path, port: int, *options: str, secret: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """A receiver that answers; killed at the end."""
    command = [*COMMAND, "serve", str(root), "--port", str(port), *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LABEL_STUDIO_WEBHOOK_SECRET": secret}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            assert process.poll() is None, process.stderr.read().decode() if process.stderr else ""
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()


def syncing(address: str, root: Path, *options: str) -> subprocess.Popen[bytes]:
    """A sync under way."""
    return subprocess.Popen(
        [*COMMAND, "sync", address, str(root), *options],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
