"""Forgetting: rows leave every snapshot, and no byte of them stays in the folder.

The entry of the log that says which positions are forgotten takes them out of every snapshot at once. Then all
that holds a byte of them is written anew (``erase.py``), and a second entry says that this is done.

Source: docs/format.md, section "Forgetting"; docs/adr/013-forgetting.md.
"""

from __future__ import annotations

from typing import Any

from space_sql.dataset.dataset import View
from space_sql.dataset.erase import finish
from space_sql.dataset.forget_plan import data_files, planned, told
from space_sql.dataset.rows import Rows
from space_sql.dataset.scan import rows_sql
from space_sql.dataset.session import Session
from space_sql.dataset.source import predicate_sql
from space_sql.dataset.staging import Staging
from space_sql.dataset.transact import Options, Report, Tip, draft, transact
from space_sql.errors import NotSyncedError
from space_sql.format.commit import Commit
from space_sql.format.data_file import DataFile
from space_sql.format.paths import COMPUTED, MARKER
from space_sql.format.schema import Column
from space_sql.storage import computed
from space_sql.storage import files as disk


def forget_query(view: View, predicate: str | None) -> Rows:
    """The query whose rows are the positions to forget; it runs in the caller's connection.

    Every row in the folder is judged in the columns of each version that showed its file, deleted rows too. A
    column that such a version lacks is the one that has that name in another version, the newest.
    """
    where = predicate_sql(predicate)
    root = view.dataset.root
    shown = _shown(view)
    everywhere = {c.name.casefold(): c for columns in shown for c in columns}
    parts = []
    for columns, files in shown.items():
        own = {c.name.casefold() for c in columns}
        all_columns = [*columns, *(c for name, c in everywhere.items() if name not in own)]
        names = [c.name for c in all_columns]
        here = [f for f in files.values() if (root / f.path).exists()]
        rows = rows_sql(root, here, all_columns, names=names, positions=True, ignore_deletes=True)
        parts.append(f"SELECT _space_file, _space_pos FROM (\n{rows}\n) AS row_ WHERE {where}")
    query = "\nUNION\n".join(parts)
    return Rows(query, query)


def _shown(view: View) -> dict[tuple[Column, ...], dict[int, DataFile]]:
    """For the columns of each version the data files that a snapshot ever showed in them."""
    log = view.dataset.log
    out: dict[tuple[Column, ...], dict[int, DataFile]] = {}
    for snapshot_id in range(view.refs.snapshot_id + 1):
        commit = log.commit(snapshot_id)
        if commit.advances:
            state = log.state(snapshot_id)
            files = out.setdefault(state.schema.columns, {})
            if commit.schema is not None:
                files.update(state.files)
            files.update((f.number, f) for f in data_files(commit))
    return out


class Forget:
    """Rows being forgotten: their positions are staged."""

    takes_rows = True

    def __init__(self, session: Session, view: View, options: Options, *, dry_run: bool) -> None:
        self._session, self._view, self._options, self._dry_run = session, view, options, dry_run
        self._staging = Staging(view.dataset.root, "forget", None, (), positions=True)
        self._error: Exception | None = None

    def stage(self, rows: Any) -> None:
        """Take positions; after a first failure commit raises it."""
        try:
            if self._error is None:
                self._staging.add(rows)
        except Exception as error:
            self._error = error

    def abort(self) -> None:
        """Nothing is written before the commit."""

    def commit(self) -> Report:
        """Forget them to the last byte."""
        if self._error is not None:
            raise self._error
        dataset, sync = self._view.dataset, self._session.sync
        self._staging.finish(sync=False)
        with disk.locked(dataset.root / MARKER, "space_forget"):
            if self._dry_run:
                return self._dry()
            finish(dataset, sync=sync)  # one that was interrupted
            computed.erase(dataset.root / COMPUTED, sync=sync)  # nothing tells which rows a result was computed from
            try:
                result = transact(self._session, self._view, self._options, "forget", self._build)
            except NotSyncedError:
                finish(dataset, sync=sync)
                raise
            finish(dataset, sync=sync)
            entry = dataset.log.commit(result.snapshot_id)
            return Report([{"snapshot_id": entry.forgets and entry.snapshot_id, **told(entry.forgets)}])

    def _build(self, tip: Tip) -> Commit | None:
        """The entry that takes the rows out of every snapshot."""
        if tip.own:  # what a transaction reads of its own has the same files
            return None
        forgetting = planned(tip.view, self._staging.positions, sync=self._session.sync)
        return None if forgetting is None else draft(tip, "forget", forgets=forgetting)

    def _dry(self) -> Report:
        """What would be forgotten."""
        view = self._view.dataset.view()
        forgetting = planned(view, self._staging.positions, sync=False)
        if forgetting is not None and forgetting.path:
            disk.remove_quietly(view.dataset.root / forgetting.path)
        return Report([{"snapshot_id": None, **told(forgetting)}])
