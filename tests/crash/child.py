"""A process that does one write, or many, and dies in the middle."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

import space_sql
from space_sql.dataset import engine
from tests.crash import steps
from tests.crash.writes import WRITES

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["pytest", __name__])

Pipe = multiprocessing.connection.Connection


@contextmanager
def process(target: Any, *arguments: object) -> Iterator[tuple[Any, Pipe]]:
    """A process of its own that runs ``target(pipe, *arguments)``, and the other end of the pipe."""
    here, there = _CONTEXT.Pipe()
    child = _CONTEXT.Process(target=target, args=(there, *arguments), daemon=True)
    child.start()
    there.close()
    try:
        yield child, here
    finally:
        child.kill()
        child.join()
        here.close()


def received(pipe: Pipe) -> list[Any]:
    """All that a process said before it ended."""
    out = []
    try:
        while True:
            out.append(pipe.recv())
    except (EOFError, ConnectionResetError):
        return out


def write_once(pipe: Pipe, name: str, path: Path, at_step: steps.KillAt | steps.FailAt) -> None:
    """Do the write of that name; says the result, or the error, and how many steps it took."""
    con = space_sql.connect()
    with engine.cursor() as warm:  # what is made once a process is no step of a write
        warm.execute("SELECT 1")
    steps.install(at_step)
    try:
        result: object = WRITES[name].run(con, path)
    except duckdb.Error as error:
        result = str(error)
    pipe.send((result, at_step.count))
