"""The processes that are measured: one a peer and environment, and what was measured of them."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scale import Scale

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent


@dataclass(frozen=True)
class Environment:
    """A peer and the Python that it runs in."""

    peer: str
    python: str


class Lane:
    """A peer at work in its own process; tables are below ``folder``."""

    def __init__(self, environment: Environment, folder: Path, scale: Scale) -> None:
        self.peer = environment.peer
        folder.mkdir(parents=True)
        self._process = subprocess.Popen(
            [environment.python, str(HERE / "worker.py"), environment.peer, str(folder), json.dumps(asdict(scale))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        hello = self._answer()
        self.missing: str | None = hello.get("missing")
        self.versions: dict[str, str] = hello.get("versions", {})
        self.line = ".".join(self.versions.get("duckdb", "").split(".")[:2])
        self.name = f"{self.peer}@{self.line}" if self.peer in ("raw", "space") else self.peer

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process of {self.peer} ended with {self._process.wait()}")
        told: dict[str, Any] = json.loads(line)
        return told

    def ask(self, workload: str, step: str, turn: int) -> dict[str, Any]:
        """Let it do a step."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"workload": workload, "step": step, "turn": turn}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
