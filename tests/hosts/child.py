"""A process that runs SQL for us: lines go in, bytes come out, and neither a crash nor a hang goes unnoticed."""

from __future__ import annotations

import os
import select
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

SECONDS = 120.0  # longer than any record takes on a busy machine


class Child:
    """A running program; what it writes to standard error is kept in a file."""

    def __init__(
        self, command: Sequence[str | Path], cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed in _end()
        self._process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=cwd,
            env=env,
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._name = Path(str(command[0])).name
        self._said = ""
        self._read = b""
        self._heard = 0

    def ask(self, text: str, end: str) -> str:
        """Write text; give what the program writes up to ``end``."""
        try:
            self._stdin.write(text.encode())
        except BrokenPipeError:
            self._died()
        wanted = end.encode()
        until = time.monotonic() + SECONDS
        at = self._read.find(wanted)
        while at < 0:
            seen = len(self._read)
            self._read += self._more(until)
            at = self._read.find(wanted, max(0, seen - len(wanted)))
        found, self._read = self._read[:at], self._read[at + len(wanted) :]
        return found.decode()

    def errors(self) -> str:
        """What was written to standard error since the last call."""
        said = os.pread(self._errors.fileno(), 1 << 24, self._heard)  # the child writes where this file object stands
        self._heard += len(said)
        return said.decode(errors="replace")

    def close(self, farewell: str, good: Sequence[int] = (0,)) -> None:
        """Say farewell; a program that then ends with another code than a good one is a failure."""
        if self._stdin.closed:  # its death was told
            return
        with suppress(BrokenPipeError):
            self._stdin.write(farewell.encode())
        self._stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(SECONDS)
        self._end()
        if self._process.returncode not in good:
            raise AssertionError(f"{self._name} ended with {self._process.returncode}:\n{self._said}")

    def _more(self, until: float) -> bytes:
        left = max(0, until - time.monotonic())
        if not select.select([self._stdout], [], [], left)[0]:
            self._end()
            raise AssertionError(f"{self._name} gave no answer within {SECONDS:.0f} s:\n{self._said}")
        more = os.read(self._stdout.fileno(), 1 << 16)
        if not more:
            self._died()
        return more

    def _died(self) -> NoReturn:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(SECONDS)
        self._end()
        raise AssertionError(f"{self._name} died with {self._process.returncode}:\n{self._said}")

    def _end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if not self._errors.closed:
            self._said = self.errors()
        for file in (self._stdin, self._stdout, self._errors):
            file.close()
