"""What the verbs that take rows share: from the first row staged to the commit."""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa

from space_sql.dataset.dataset import View
from space_sql.dataset.plan import Plan, carried_columns, plan, source_struct
from space_sql.dataset.rows import Rows
from space_sql.dataset.session import Session
from space_sql.dataset.source import source_query
from space_sql.dataset.staging import Staging
from space_sql.dataset.transact import Options, Result, Tip, branch_of, find_repeat, transact
from space_sql.errors import InvalidInputError, NotSyncedError
from space_sql.format.carriers import is_opaque, physical
from space_sql.format.commit import Commit
from space_sql.format.data_file import DataFile
from space_sql.format.state import State
from space_sql.format.types import Struct, Type, quote_literal


class Store(Protocol):
    """What a write's rows are written with."""

    @property
    def record_paths(self) -> frozenset[str]:
        """Paths of the record files that were written."""

    def add(self, rows: pa.ChunkedArray) -> None:
        """Take rows; any thread may call it."""

    def finish(self, *, sync: bool) -> list[DataFile]:
        """The files with all rows; with ``sync`` they and their names are durable."""

    def abort(self) -> None:
        """Remove what was written."""


class Write(ABC):
    """One write under way in a session: rows are staged from any thread, then it commits once.

    A write whose ``commit_key`` was used already stages nothing and returns the first result.
    """

    operation: str
    change = "insert"
    takes_rows = True

    def __init__(self, session: Session, view: View, options: Options) -> None:
        self.session = session
        self.view = view
        self.options = options
        self.repeat: Result | None = find_repeat(view.dataset, options)
        self.staging: Store | None = None
        self.error: Exception | None = None

    def stage(self, rows: pa.ChunkedArray) -> None:
        """Take rows; after a first failure the rest is passed over and commit raises it."""
        if self.staging is None or self.error is not None:
            return
        try:
            self.staging.add(rows)
        except Exception as error:  # raised again by commit, where SQL shows it in one line
            self.error = error

    def commit(self) -> Result:
        """Publish what was staged."""
        if self.repeat is not None:
            return self.repeat
        try:
            if self.error is not None:
                raise self.error
            files = self.staging.finish(sync=self.session.sync) if self.staging is not None else []
            return self.publish(files)
        except NotSyncedError:
            raise  # the commit is there: its files must stay
        except Exception:
            self.abort()
            raise

    def abort(self) -> None:
        """Remove what was staged."""
        if self.staging is not None:
            self.staging.abort()

    def publish(self, files: list[DataFile]) -> Result:
        """Commit the staged files."""
        staged = frozenset(file.path for file in files)
        if self.staging is not None:
            staged |= self.staging.record_paths
        return transact(
            self.session, self.view, self.options, self.operation, lambda tip: self.build(tip, files), staged
        )

    @abstractmethod
    def build(self, tip: Tip, files: list[DataFile]) -> Commit | None:
        """The commit on this tip; None when nothing changes."""


def base_state(session: Session, view: View, options: Options) -> State:
    """The state that a write starts from: the branch head as the session's transaction sees it."""
    return view.state(view.head(branch_of(session, options)))


def plan_fields(state: State, fields: Sequence[tuple[str, Type]], *, evolve: bool) -> tuple[Plan, frozenset[str]]:
    """Match source columns with the dataset; also the names of those that arrive in stored form."""
    carried = carried_columns(state.schema, fields)
    known = tuple((n, state.schema.column(n).type if n in carried else t) for n, t in fields)
    return plan(state, Struct(known), evolve=evolve), carried


def start_staging(write: Write, source_type: str | None, *, evolve: bool, need_keys: bool) -> tuple[State, Plan]:
    """Begin to stage a source's rows for a dataset that exists."""
    state = base_state(write.session, write.view, write.options)
    planned, carried = plan_fields(state, source_struct(source_type).fields, evolve=evolve)
    given = {c.id for c in planned.columns}
    missing = [key.name for key in state.schema.keys if key.id not in given]
    if need_keys and missing:
        raise InvalidInputError(f'the source lacks the primary key column "{missing[0]}"')
    root = write.view.dataset.root
    recorder = planned.recorder(root, state, sync=write.session.sync)
    converter = planned.converter(carried, recorder)
    write.staging = Staging(root, write.change, converter, planned.columns, recorder=recorder)
    return state, planned


def source_rows(session: Session, view: View, options: Options, source: str | None) -> Rows:
    """The queries over a caller's source."""
    query = source_query(source)
    state = base_state(session, view, options)
    opaque = [c for c in state.schema.columns if is_opaque(c.type)]
    if not opaque:
        return Rows(f"FROM {query}", f"FROM {query}")
    # COLUMNS() must match something even when the source lacks the column: a pad joins in, and is left out again.
    pad = f"_space_pad_{zlib.crc32(query.encode()):08x}"
    names = ", ".join(quote_literal(c.name.casefold()) for c in opaque)
    items = [f"COLUMNS(lambda c: lower(c) NOT IN ({names}))"]
    for c in opaque:
        match = f"COLUMNS(lambda c: lower(c) = {quote_literal(c.name.casefold())} OR c = '{pad}')"
        items.append(f"CAST(CAST({match} AS {c.type}) AS {physical(c.type)})")
    staged = (
        f"SELECT COLUMNS(lambda c: NOT starts_with(c, '{pad}')) FROM "
        f"(SELECT {', '.join(items)} FROM (SELECT *, NULL AS {pad} FROM {query}))"
    )
    return Rows(f"FROM {query}", staged)
