"""Rows of a view that Ray's tasks write, one for each fragment; this process commits their files.

Source: docs/views.md, section "On Ray"; docs/adr/020-views-on-ray.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from space_sql.dataset.scan import rows_sql
from space_sql.errors import StorageError
from space_sql.format.data_file import DataFile
from space_sql.format.schema import Column
from space_sql.format.state import State
from space_sql.storage import files as disk
from space_sql.views.apply import WEIGHTS, Applied, apply, stored_values
from space_sql.views.computed import Computed
from space_sql.views.definition import Definition
from space_sql.views.fragments import ROWS, Fragments
from space_sql.views.functions import KNOWN, Function
from space_sql.views.ray import Ray
from space_sql.views.relation import WEIGHT
from space_sql.views.settings import ordinary_settings
from space_sql.views.worker import Work

if TYPE_CHECKING:
    import pyarrow as pa

_EACH = 4
"""Fragments for each processor, so that none waits long for the last."""
_ROWS = 1000
"""Rows that a fragment has at least: else its files are many, and its task is soon done."""


class Spread:
    """The fragments of a refresh, or of a first result, and those who compute them."""

    def __init__(
        self, ray: Ray, functions: Sequence[Function], computed: Computed, whole: str | None, queries: Sequence[str]
    ) -> None:
        self.whole = whole
        self._ray, self._functions, self._computed, self._queries = ray, functions, computed, queries

    def store(self, root: Path, columns: Sequence[Column], zone: str) -> SpreadRows:
        """What writes their rows: with their weights, unless these are what comes."""
        assert KNOWN.connect is not None
        values = (
            stored_values(columns) if self.whole is None else f"{stored_values(columns)}, {WEIGHT}::BIGINT AS {WEIGHT}"
        )
        queries = [f"SELECT {values} FROM (\n{query}\n)" for query in self._queries]
        written = tuple(columns) if self.whole is None else (*columns, WEIGHTS)
        work = Work(root, written, zone, True, KNOWN.connect)
        return SpreadRows(self._ray, self._functions, self._computed, work, queries)

    def applied(self, root: Path, state: State, files: Sequence[DataFile], *, sync: bool) -> Applied:
        """What the files of the store do to the stored rows."""
        if self.whole is None:
            return Applied(sum(file.rows for file in files), 0, 0, tuple(files), ())
        columns = state.schema.columns
        numbered = [replace(file, number=-1 - i) for i, file in enumerate(files)]
        rows = rows_sql(root, numbered, [*columns, WEIGHTS])
        return apply(root, state, self.whole.replace(ROWS, rows), sync=sync)


class SpreadRows:
    """A store whose rows come from tasks."""

    record_paths: frozenset[str] = frozenset()

    def __init__(
        self, ray: Ray, functions: Sequence[Function], computed: Computed, work: Work, queries: Sequence[str]
    ) -> None:
        self._ray, self._functions, self._computed, self._work, self._queries = ray, functions, computed, work, queries
        self._files: list[DataFile] = []

    def add(self, rows: pa.ChunkedArray) -> None:
        """No rows come from the caller's statement."""

    def finish(self, *, sync: bool) -> list[DataFile]:
        """Let the tasks write, and return their files.

        Raises:
            SpaceError: a task failed, or a file is not there: this process and the workers do not share the folder.
        """
        work, root = self._work, self._work.root
        try:
            self._computed.keep()  # DuckDB may have read some rows here, before it saw that nobody takes them
            work = work if sync else work.relaxed()
            for done in self._ray.written(work, self._functions, self._queries, self._computed.interrupt.check):
                self._files += done.files
                self._computed.elsewhere(done.counts)
                for file in done.files:
                    if not (root / file.path).is_file():
                        raise StorageError(
                            f"a worker of Ray wrote {file.path}, which is not in {root}: "
                            "it must be a folder that all machines of the cluster share"
                        )
        except BaseException:
            self.abort()
            raise
        return self._files

    def abort(self) -> None:
        """Remove what was written."""
        for file in self._files:
            disk.remove_quietly(self._work.root / file.path)
        self._files = []


def spread(
    ray: Ray | None,
    connection: int,
    definition: Definition,
    computed: Computed | None,
    fragments: Fragments | None,
    rows: int,
    settings: str | None,
) -> Spread | None:
    """How a result is computed by fragments; None where it is not: it is too small, or needs something of the caller.

    ``rows`` are read for it; ``settings`` are those of the caller's connection that change what a query gives.
    """
    if ray is None or computed is None or not definition.functions or definition.static or fragments is None:
        return None
    if rows < 2 * _ROWS or settings != ordinary_settings() or KNOWN.connect is None:
        return None
    known = KNOWN.of(KNOWN.instance(connection))
    functions = [known[one.name.casefold()] for one in definition.functions]
    processors = ray.processors
    queries = fragments.queries(max(-(-rows // (_EACH * processors)), _ROWS))
    if len(queries) < max(processors, 2):
        return None
    return Spread(ray, functions, computed, fragments.whole, queries)
