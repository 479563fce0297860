"""The change feed: what each commit after one version, up to another, did to rows. Read, not computed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from space_sql.dataset.dataset import View
from space_sql.dataset.difference import net_difference, rows_at
from space_sql.dataset.scan import Constants, file_list, per_file, rows_sql
from space_sql.format.carriers import logical_projection
from space_sql.format.commit import Commit, DataFile, DeleteFile
from space_sql.format.schema import Column
from space_sql.format.state import State
from space_sql.format.types import quote_identifier, quote_literal

_SNAPSHOT = "_space_snapshot"
_CHANGE = "_space_change"
_ADDED = {"insert": "insert", "update": "update_postimage"}
_DELETED = {"delete": "delete", "update": "update_preimage"}


def changes_sql(view: View, older: int, newer: int) -> str:
    """A query over the change feed in ``(older, newer]`` with the columns of ``newer``."""
    feed = _Feed(view.dataset.root, view.state(newer).schema.columns)
    state = view.state(older)
    for commit in view.chain(older, newer):
        after = state.apply(commit)
        feed.take(state, commit, after)
        state = after
    return feed.sql()


class _Feed:
    """The parts of a change feed; commits of the same kind share one scan."""

    def __init__(self, root: Path, columns: Sequence[Column]) -> None:
        self._root = root
        self._columns = columns
        self._added: list[tuple[DataFile, int, str]] = []
        self._deleted: list[tuple[DeleteFile, int]] = []
        self._targets: dict[int, DataFile] = {}
        self._parts: list[str] = []

    def take(self, before: State, commit: Commit, after: State) -> None:
        """Add what a commit did."""
        if commit.operation == "restore":
            # Files came back: the difference of both states is the change.
            named = [(c.type, quote_identifier(c.name)) for c in self._columns]
            names = [f"{logical_projection(type_, name)} AS {name}" for type_, name in named]
            for change, here, there in (("delete", before, after), ("insert", after, before)):
                rows = net_difference(self._root, here.files, there.files, self._columns)
                head = f"SELECT {commit.snapshot_id}::BIGINT AS {_SNAPSHOT}, {quote_literal(change)} AS {_CHANGE}"
                self._parts.append(f"{head}, {', '.join(names)} FROM ({rows})")
            return
        if commit.files_removed:
            gone = [before.files[n] for n in commit.files_removed]
            constants: Constants = {
                _SNAPSHOT: ("BIGINT", [commit.snapshot_id] * len(gone)),
                _CHANGE: ("VARCHAR", ["delete"] * len(gone)),
            }
            self._parts.append(rows_sql(self._root, gone, self._columns, constants=constants))
        self._added += [(f, commit.snapshot_id, _ADDED[f.change]) for f in commit.files_added]
        for deletes in commit.deletes_added:
            self._deleted.append((deletes, commit.snapshot_id))
            self._targets.update((n, before.files[n]) for n in deletes.targets)

    def sql(self) -> str:
        """The whole feed."""
        files = [f for f, _, _ in self._added]
        constants: Constants = {
            _SNAPSHOT: ("BIGINT", [s for _, s, _ in self._added]),
            _CHANGE: ("VARCHAR", [c for _, _, c in self._added]),
        }
        parts = [*self._parts]
        if files or not (parts or self._deleted):
            parts.append(rows_sql(self._root, files, self._columns, constants=constants, ignore_deletes=True))
        if self._deleted:
            parts.append(self._deleted_rows())
        names = ", ".join(quote_identifier(c.name) for c in self._columns)
        union = "\nUNION ALL\n".join(parts)
        return f"SELECT {_SNAPSHOT} AS snapshot_id, {_CHANGE} AS change_type, {names} FROM (\n{union}\n)"

    def _deleted_rows(self) -> str:
        snapshots = per_file(_SNAPSHOT, [s for _, s in self._deleted], "BIGINT")
        changes = per_file(_CHANGE, [_DELETED[d.change] for d, _ in self._deleted], "VARCHAR")
        paths = file_list(self._root, [d.path for d, _ in self._deleted])
        positions = f"SELECT file, pos, {snapshots}, {changes} FROM read_parquet({paths}, hive_partitioning = false)"
        return rows_at(
            self._root,
            list(self._targets.values()),
            self._columns,
            positions,
            logical=True,
            extra=(_SNAPSHOT, _CHANGE),
        )
