"""What one DuckDB connection sees: views pinned for its transaction, and writes under way.

A statement, or a transaction of several, reads every dataset in the state in which it first saw
it, plus what it committed itself. A connection has one transaction at a time, so its pins are
dropped when a later one shows up, and never before.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from space_sql.dataset.dataset import View, folder, open_dataset
from space_sql.errors import InvalidInputError

_SESSIONS_KEPT = 10_000


class Pending(Protocol):
    """A write between its begin and its commit."""

    def abort(self) -> None:
        """Remove what was staged."""


@dataclass
class Session:
    """One connection in one of its transactions; ``asked`` holds answers for the rest of a statement."""

    connection: int
    transaction: int
    query: int = -1
    branch: str | None = None
    sync: bool = True
    collation: str = ""
    views: dict[Path, View] = field(default_factory=dict)
    asked: dict[tuple[str, str], Any] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def view(self, path: str | None) -> View:
        """The dataset at a path as this transaction sees it."""
        root = folder(path)
        with self.lock:
            view = self.views.get(root)
            if view is not None:
                view.dataset.check()
            if view is None or view.dataset.id != view.dataset_id:
                view = self.views[root] = open_dataset(path).view()
            return view

    def check_collation(self) -> None:
        """Raise InvalidInputError where DuckDB compares texts otherwise than as they are."""
        if self.collation:
            raise InvalidInputError(
                f"default_collation is {self.collation}, so texts that differ may be equal, and changes are not seen: "
                "RESET default_collation"
            )

    def view_of(self, view: View) -> View:
        """What the transaction sees now of the dataset of a view."""
        with self.lock:
            return self.views.get(view.dataset.root, view)

    def show(self, view: View) -> None:
        """Let the transaction see what it did itself."""
        with self.lock:
            self.views[view.dataset.root] = view


@dataclass(frozen=True)
class _Started:
    """A write under way, and the statement that it belongs to."""

    session: Session
    query: int
    pending: Pending


class Sessions:
    """The sessions of one DuckDB instance."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: OrderedDict[int, Session] = OrderedDict()
        self._handles = itertools.count(1)
        self._writes: dict[int, _Started] = {}

    def get(self, text: str) -> Session:
        """The session that ``_space_session()`` describes."""
        told = text.split("|", 5)
        connection, transaction, query = int(told[0]), int(told[1]), int(told[2])
        with self._lock:
            session = self._sessions.get(connection)
            if session is None or session.transaction != transaction:
                session = self._sessions[connection] = Session(connection, transaction)
            self._sessions.move_to_end(connection)
            while len(self._sessions) > _SESSIONS_KEPT:
                self._sessions.popitem(last=False)
            failed = [
                handle
                for handle, started in self._writes.items()
                if started.session.connection == connection and started.query != query
            ]
            abandoned = [self._writes.pop(handle).pending for handle in failed]
        for pending in abandoned:
            pending.abort()
        if session.query != query:
            session.query = query
            session.asked = {}
        session.collation = told[3]
        session.sync = _sync(told[4])
        session.branch = told[5] or None
        return session

    def latest(self, connection: int) -> Session | None:
        """The session that a connection last spoke of."""
        with self._lock:
            return self._sessions.get(connection)

    def drop(self, connections: range) -> None:
        """Forget connections that are closed, and remove what they staged."""
        with self._lock:
            for connection in [kept for kept in self._sessions if kept in connections]:
                del self._sessions[connection]
            ended = [h for h, started in self._writes.items() if started.session.connection in connections]
            abandoned = [self._writes.pop(handle).pending for handle in ended]
        for pending in abandoned:
            pending.abort()

    def start(self, session: Session, pending: Pending) -> int:
        """Keep a write until it commits, or until a later statement shows that it failed."""
        with self._lock:
            handle = next(self._handles)
            self._writes[handle] = _Started(session, session.query, pending)
        return handle

    def staged(self, handle: int) -> Pending:
        """The write of a handle."""
        return self._writes[handle].pending

    def finish(self, handle: int) -> tuple[Session, Pending]:
        """Take a write out, to commit it."""
        with self._lock:
            started = self._writes.pop(handle, None)
        if started is None:
            raise InvalidInputError("this write has ended already; run the statement again")
        return started.session, started.pending


def _sync(told: str) -> bool:
    """Whether commits are synced: SET VARIABLE space_sync = false, or SPACE_SQL_SYNC=off, relaxes it."""
    text = told or os.environ.get("SPACE_SQL_SYNC", "on")
    return text.strip().lower() not in ("false", "off", "0", "no")
