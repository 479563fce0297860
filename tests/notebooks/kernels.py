"""Kernels that start at once: one process imports what notebooks need, and forks a real kernel for each of them.

Nearly all of the time of a short notebook is the start of its kernel and its imports.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any
from unittest import mock

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.notebooks.imports"])


class Kernel:
    """A forked kernel, in the place of the ``subprocess.Popen`` that Jupyter would start."""

    stdin = stdout = stderr = None

    def __init__(self, command: list[str], cwd: str, env: Mapping[str, str]) -> None:
        told, ready = _CONTEXT.Pipe(duplex=False)
        arguments = (ready, command, cwd, dict(env))
        self._process: ForkServerProcess = _CONTEXT.Process(target=serve, args=arguments, daemon=True)
        self._process.start()
        ready.close()
        told.recv()  # from now on it is a group of its own, which Jupyter may send signals to
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("kernel", timeout or 0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def serve(ready: Connection, command: list[str], cwd: str, env: dict[str, str]) -> None:
    """Be the kernel that a command line (``python -m ipykernel_launcher -f FILE``) asks for."""
    from ipykernel.kernelapp import IPKernelApp

    os.setsid()
    ready.send(True)
    os.chdir(cwd)
    os.environ.update(env)
    parent = f"--IPKernelApp.parent_handle={os.getppid()}"  # it ends when its parent has gone
    IPKernelApp.launch_instance([*command[command.index("-f") :], parent])


@contextmanager
def forked() -> Iterator[None]:
    """Kernels that Jupyter starts in here are forked."""

    def start(command: list[str], *, cwd: str, env: Mapping[str, str], **_: Any) -> Kernel:
        return Kernel(command, cwd, env)

    with mock.patch("jupyter_client.provisioning.local_provisioner.launch_kernel", start):
        yield
