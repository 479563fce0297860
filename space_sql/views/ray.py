"""Ray: its workers call functions of views for slices of rows, or write the rows of whole fragments.

Source: docs/views.md, section "On Ray"; docs/adr/020-views-on-ray.md.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from typing import Any

import pyarrow as pa

from space_sql.errors import InvalidInputError, SpaceError, StorageError
from space_sql.format.computed import Called
from space_sql.views.evaluate import Columns
from space_sql.views.functions import Function
from space_sql.views.worker import Work, Written, evaluated, written

ENGINES = ("local", "ray")
_SLICE = 1.0
"""Seconds that a task shall take about."""
_EACH = 2
"""Tasks under way for each processor: one works, the other is there when it is done."""

_PATIENCE = 0.5
"""Seconds after which a Ctrl-C is seen."""


class Ray:
    """Ray's workers; they are met when the first row is to be computed.

    A process that called ``ray.init`` has its own; else it is done here: RAY_ADDRESS names a cluster that is there.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tasks: dict[str, Any] = {}
        self._functions: dict[Called, Any] = {}
        self._rows: dict[Called, int] = {}

    @property
    def processors(self) -> int:
        """How many there are."""
        import ray

        self._reached()
        return max(int(ray.cluster_resources().get("CPU", 1)), 1)

    def results(
        self, function: Function, columns: Columns, check: Callable[[], None]
    ) -> Iterator[tuple[int, pa.Array]]:
        """Results of slices of the rows, as they come, each with the number of its first row.

        ``check`` is asked now and then, and may raise.

        Raises:
            InvalidInputError: the function failed; what other tasks computed came before.
            StorageError: workers were lost again and again.
        """
        called = function.called
        most = _EACH * self.processors
        shipped, task = self._shipped([function]), self._remote(evaluated)
        rows = len(columns[0])

        what = f"the function {called.name} was not computed by Ray"

        def sliced() -> Iterator[tuple[Any, int]]:
            at = 0
            while at < rows:
                size = min(self._rows.get(called, 1), max((rows - at) // most, 1))
                part = pa.array(range(at, at + size))  # taken, not sliced: a slice travels with all that it is of
                yield task.remote(shipped, [column.take(part) for column in columns]), at
                at += size

        for first, (values, took) in _done(sliced(), most, what, check):
            if took < _SLICE / 2:
                self._rows[called] = max(self._rows.get(called, 1), 2 * len(values))
            elif took > 2 * _SLICE:
                self._rows[called] = max(len(values) // 2, 1)
            yield first, values

    def written(
        self, work: Work, functions: Sequence[Function], queries: Sequence[str], check: Callable[[], None]
    ) -> Iterator[Written]:
        """The rows of each query, which a task writes, in the order in which they are done; ``check`` as above.

        Raises:
            SpaceError: a task failed; the files of others came before.
        """
        shipped, task = self._shipped(functions), self._remote(written)
        tasks = ((task.remote(work, shipped, query), 0) for query in queries)
        for _, done in _done(tasks, _EACH * self.processors, "rows were not computed by Ray", check):
            yield done

    def _reached(self) -> None:
        import ray

        with self._lock:
            if not ray.is_initialized():
                try:
                    ray.init(logging_level="ERROR", log_to_driver=False)
                except Exception as error:  # whatever Ray raises
                    raise StorageError(f"Ray cannot be reached: {_line(error)}") from error

    def _remote(self, work: Callable[..., Any]) -> Any:
        """A function of ours as a task; a worker that is lost is replaced three times."""
        import ray

        with self._lock:
            return self._tasks.setdefault(work.__name__, ray.remote(work))

    def _shipped(self, functions: Sequence[Function]) -> list[Any]:
        """The functions where workers find them."""
        import ray

        self._reached()
        with self._lock:
            for function in functions:
                if function.called not in self._functions:
                    try:
                        self._functions[function.called] = ray.put(function)
                    except Exception as error:  # whatever pickling raises
                        raise InvalidInputError(
                            f"the function {function.called.name} cannot be shipped to Ray: {_line(error)}"
                        ) from error
            return [self._functions[function.called] for function in functions]


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


def _done(
    tasks: Iterator[tuple[Any, int]], most: int, what: str, check: Callable[[], None]
) -> Iterator[tuple[int, Any]]:
    """What tasks give, as it comes, each with its number; ``most`` are under way at once.

    After a failure no more begin; it is raised when those under way are over, ``what`` says what it failed to do.
    """
    import ray

    waiting: dict[Any, int] = {}
    failed: SpaceError | None = None
    try:
        while True:
            while failed is None and len(waiting) < most:
                task, number = next(tasks, (None, 0))
                if task is None:
                    break
                waiting[task] = number
            if not waiting:
                break
            ready: list[Any] = []
            while not ready:
                check()
                ready, _ = ray.wait(list(waiting), num_returns=1, timeout=_PATIENCE)
            (done,) = ready
            number = waiting.pop(done)
            try:
                given = ray.get(done)
            except Exception as error:
                failed = failed or _explained(error, what)
                continue
            yield number, given
    finally:
        for task in waiting:  # whoever asked has stopped
            ray.cancel(task)
    if failed is not None:
        raise failed


def _explained(error: Exception, what: str) -> SpaceError:
    """The error of a task in a line."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, SpaceError):
        return type(cause)(str(cause))
    return StorageError(f"{what}: {_line(cause or error)}")


def _line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()] or [""]
    return f"{type(error).__name__}: {lines[0].strip()}"
