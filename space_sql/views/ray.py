"""Functions of views computed by Ray: slices of rows go to its workers, what they give comes back and is kept here.

Source: docs/views.md, section "On Ray"; docs/adr/020-views-on-ray.md.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pyarrow as pa

from space_sql.errors import InvalidInputError, SpaceError, StorageError
from space_sql.format.computed import Called
from space_sql.views.evaluate import Columns, evaluate
from space_sql.views.functions import Function

ENGINES = ("local", "ray")
_SLICE = 1.0
"""Seconds that a task shall take about."""
_EACH = 2
"""Tasks under way for each processor: one works, the other is there when it is done."""


class Ray:
    """Ray's workers; they are met when the first row is to be computed.

    A process that called ``ray.init`` has its own; else it is done here: RAY_ADDRESS names a cluster that is there.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._task: Any = None
        self._functions: dict[Called, Any] = {}
        self._rows: dict[Called, int] = {}

    def results(self, function: Function, columns: Columns) -> Iterator[tuple[int, pa.Array]]:
        """Results of slices of the rows, as they come, each with the number of its first row.

        Raises:
            InvalidInputError: the function failed; what other tasks computed came before.
            StorageError: workers were lost again and again.
        """
        import ray

        called = function.called
        shipped, task, most = self._shipped(function)
        rows = len(columns[0])
        waiting: dict[Any, int] = {}
        failed: SpaceError | None = None
        at = 0
        while waiting or at < rows:
            while at < rows and len(waiting) < most:
                size = min(self._rows.get(called, 1), max((rows - at) // most, 1))
                part = pa.array(range(at, at + size))  # taken, not sliced: a slice travels with all that it is of
                waiting[task.remote(shipped, [column.take(part) for column in columns])] = at
                at += size
            (done,), _ = ray.wait(list(waiting), num_returns=1)
            first = waiting.pop(done)
            try:
                values, took = ray.get(done)
            except Exception as error:
                failed, at = failed or _explained(function, error), rows
                continue
            if took < _SLICE / 2:
                self._rows[called] = max(self._rows.get(called, 1), 2 * len(values))
            elif took > 2 * _SLICE:
                self._rows[called] = max(len(values) // 2, 1)
            yield first, values
        if failed is not None:
            raise failed

    def _shipped(self, function: Function) -> tuple[Any, Any, int]:
        """The function where workers find it, the task, and how many of them may be under way."""
        import ray

        with self._lock:
            if not ray.is_initialized():
                try:
                    ray.init(logging_level="ERROR", log_to_driver=False)
                except Exception as error:  # whatever Ray raises
                    raise StorageError(f"Ray cannot be reached: {_line(error)}") from error
            if self._task is None:
                self._task = ray.remote(_evaluated)
            if function.called not in self._functions:
                try:
                    self._functions[function.called] = ray.put(function)
                except Exception as error:  # whatever pickling raises
                    raise InvalidInputError(
                        f"the function {function.called.name} cannot be shipped to Ray: {_line(error)}"
                    ) from error
            processors = int(ray.cluster_resources().get("CPU", 1))
        return self._functions[function.called], self._task, max(_EACH * processors, 2)


def engine(name: str | None) -> Ray | None:
    """The engine of a name, with which functions are called; None for this process.

    Raises:
        InvalidInputError: there is none of that name, or it is not installed.
    """
    if name is None or name == "local":
        return None
    if name not in ENGINES:
        raise InvalidInputError(f"engine is one of {', '.join(ENGINES)}, not '{name}'")
    try:
        found = find_spec("ray")
    except ValueError:  # a module without a specification, or none on purpose
        found = None
    if found is None:
        raise InvalidInputError("engine => 'ray' needs Ray, which is not installed: pip install 'space-sql[ray]'")
    return Ray()


def _evaluated(function: Function, columns: Columns) -> tuple[pa.Array, float]:
    """What a worker does; also the seconds that it took."""
    begun = time.monotonic()
    return evaluate(function, columns), time.monotonic() - begun


def _explained(function: Function, error: Exception) -> SpaceError:
    """The error of a task in a line."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, SpaceError):
        return InvalidInputError(str(cause))
    return StorageError(f"the function {function.called.name} was not computed by Ray: {_line(cause or error)}")


def _line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()] or [""]
    return f"{type(error).__name__}: {lines[0].strip()}"
