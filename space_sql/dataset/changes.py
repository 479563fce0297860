"""The change feed: what each commit after one version, up to another, did to rows. Read, not computed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from space_sql.dataset.dataset import View
from space_sql.dataset.difference import net_difference, paired_difference, rows_at
from space_sql.dataset.pieces import Piece, pieces
from space_sql.dataset.scan import Constants, file_list, per_file, rows_sql, value_sql
from space_sql.dataset.shared_columns import wide_enough
from space_sql.format.commit import Commit
from space_sql.format.data_file import DataFile, DeleteFile
from space_sql.format.schema import Column, Schema
from space_sql.format.state import State
from space_sql.format.types import quote_identifier, quote_literal

_Shown = tuple[Column, ...]
_SNAPSHOT = "_space_snapshot"
_CHANGE = "_space_change"
_ADDED = {"insert": "insert", "update": "update_postimage"}
_DELETED = {"delete": "delete", "update": "update_preimage"}


def changes_sql(view: View, older: int, newer: int, columns: Collection[int] | None = None) -> str:
    """A query over the change feed in ``(older, newer]`` with the columns of ``newer``.

    With ``columns``, ids of some, the others but for the primary key may be left out: less is read.

    A column is NULL in rows of a version that lacks it. One that was dropped and came back with a
    restore therefore changes twice: so the feed always leads from one version to the other.
    """
    return _between(view, older, newer, columns).sql()


def changes_pieces(view: View, older: int, newer: int, size: int, columns: Collection[int] | None = None) -> list[str]:
    """The change feed as several queries: added rows about ``size`` in each, and whatever else in one."""
    return _between(view, older, newer, columns).pieces(size)


def _between(view: View, older: int, newer: int, columns: Collection[int] | None) -> _Feed:
    schema = view.state(newer).schema
    if columns is not None:
        needed = {*columns, *schema.primary_keys}
        schema = replace(schema, columns=tuple(c for c in schema.columns if c.id in needed))
    return _feed(view.dataset.root, schema, view.state(older), view.chain(older, newer))


def feed_sql(root: Path, schema: Schema, state: State, commits: Sequence[Commit]) -> str:
    """A query over what commits did, one after another from a state on, with the columns of a schema."""
    return _feed(root, schema, state, commits).sql()


def _feed(root: Path, schema: Schema, state: State, commits: Sequence[Commit]) -> _Feed:
    schemas = [state.schema, *(commit.schema for commit in commits if commit.schema is not None)]
    feed = _Feed(root, [wide_enough(c, schemas) for c in schema.columns], schema.primary_keys)
    for commit in commits:
        after = state.apply(commit)
        feed.take(state, commit, after)
        state = after
    return feed


class _Feed:
    """The parts of a change feed; commits of the same kind, with the same columns, share one scan."""

    def __init__(self, root: Path, columns: Sequence[Column], keys: Sequence[int]) -> None:
        self._root = root
        self._columns = columns
        self._keys = keys
        self._added: dict[_Shown, list[tuple[DataFile, int, str]]] = defaultdict(list)
        self._deleted: dict[_Shown, list[tuple[DeleteFile, int]]] = defaultdict(list)
        self._targets: dict[_Shown, dict[int, DataFile]] = defaultdict(dict)
        self._parts: list[str] = []

    def _shown(self, state: State) -> _Shown:
        return tuple(c for c in self._columns if c.id in state.schema.by_id)

    def take(self, before: State, commit: Commit, after: State) -> None:
        """Add what a commit did."""
        if commit.operation == "restore":
            self._restored(before, commit, after)
            return
        was, now = self._shown(before), self._shown(after)
        lost = [c for c in was if c not in now]
        if commit.merge_parent_id is not None and (commit.files_removed or commit.brings_back or lost):
            self._merged(before, commit, after)
            return
        if lost:
            self._dropped(before, commit, was, lost)
        if commit.files_removed:
            gone = [before.files[n] for n in commit.files_removed]
            self._parts.append(self._all(rows_sql(self._root, gone, was), commit, "delete", was))
        self._added[now] += [(f, commit.snapshot_id, _ADDED[f.change]) for f in commit.files_added]
        for deletes in commit.deletes_added:
            self._deleted[was].append((deletes, commit.snapshot_id))
            self._targets[was].update((n, before.files[n]) for n in deletes.targets)

    def _restored(self, before: State, commit: Commit, after: State) -> None:
        """Files came back: the difference of both states is the change."""
        names = self._values()
        for change, here, there in (("delete", before, after), ("insert", after, before)):
            rows = net_difference(self._root, here, there, self._columns)
            self._parts.append(self._all(f"SELECT {names} FROM ({rows})", commit, change, self._columns))

    def _merged(self, before: State, commit: Commit, after: State) -> None:
        """Files of another branch were taken over: the same, and rows of one key are an update."""
        rows = paired_difference(self._root, before, after, self._columns, self._keys)
        head = f"SELECT {commit.snapshot_id}::BIGINT AS {_SNAPSHOT}, change AS {_CHANGE}"
        self._parts.append(f"{head}, {self._values()} FROM ({rows})")

    def _values(self) -> str:
        """Select items that turn stored values into those of the columns."""
        named = [(c, quote_identifier(c.name)) for c in self._columns]
        return ", ".join(f"{value_sql(self._root, column, name)} AS {name}" for column, name in named)

    def _dropped(self, before: State, commit: Commit, was: _Shown, lost: Sequence[Column]) -> None:
        """Columns that come back later lose their values here."""
        some = " OR ".join(f"{quote_identifier(c.name)} IS NOT NULL" for c in lost)
        rows = f"SELECT * FROM ({rows_sql(self._root, list(before.files.values()), was)}) WHERE {some}"
        kept = tuple(c for c in was if c not in lost)
        self._parts.append(self._all(rows, commit, "update_preimage", was))
        self._parts.append(self._all(rows, commit, "update_postimage", kept))

    def _all(self, rows: str, commit: Commit, change: str, shown: Sequence[Column]) -> str:
        """Rows that a commit changed in one way."""
        head = f"SELECT {commit.snapshot_id}::BIGINT AS {_SNAPSHOT}, {quote_literal(change)} AS {_CHANGE}"
        return self._padded(f"{head}, * FROM ({rows})", shown)

    def _padded(self, rows: str, shown: Sequence[Column]) -> str:
        """The rows with NULL in the columns that they do not show."""
        if len(shown) == len(self._columns):
            return rows
        items = [
            quote_identifier(c.name) if c in shown else f"CAST(NULL AS {c.type}) AS {quote_identifier(c.name)}"
            for c in self._columns
        ]
        return f"SELECT {_SNAPSHOT}, {_CHANGE}, {', '.join(items)} FROM ({rows})"

    def sql(self) -> str:
        """The whole feed."""
        added = [self._added_rows(shown, Piece(tuple(range(len(files))))) for shown, files in self._added.items()]
        return self._whole([*self._parts, *added, *self._gone()])

    def pieces(self, size: int) -> list[str]:
        """The whole feed as several queries."""
        rest = [*self._parts, *self._gone()]
        added = [
            self._added_rows(shown, piece)
            for shown, files in self._added.items()
            for piece in pieces([file.rows for file, _, _ in files], size)
        ]
        return [self._whole([part]) for part in added] + ([self._whole(rest)] if rest else [])

    def _whole(self, parts: Sequence[str]) -> str:
        """The feed of some parts."""
        if not parts:
            none: Constants = {_SNAPSHOT: ("BIGINT", []), _CHANGE: ("VARCHAR", [])}
            parts = [rows_sql(self._root, [], self._columns, constants=none)]
        names = ", ".join(quote_identifier(c.name) for c in self._columns)
        union = "\nUNION ALL\n".join(parts)
        return f"SELECT {_SNAPSHOT} AS snapshot_id, {_CHANGE} AS change_type, {names} FROM (\n{union}\n)"

    def _added_rows(self, shown: _Shown, piece: Piece) -> str:
        added = [self._added[shown][i] for i in piece.files]
        constants: Constants = {
            _SNAPSHOT: ("BIGINT", [s for _, s, _ in added]),
            _CHANGE: ("VARCHAR", [c for _, _, c in added]),
        }
        files = [f for f, _, _ in added]
        rows = rows_sql(self._root, files, shown, constants=constants, positions=piece.ranged, ignore_deletes=True)
        names = ", ".join([_SNAPSHOT, _CHANGE, *(quote_identifier(c.name) for c in shown)])
        return self._padded(piece.cut(names, rows), shown)

    def _gone(self) -> list[str]:
        return [self._padded(self._deleted_rows(shown), shown) for shown in self._deleted]

    def _deleted_rows(self, shown: _Shown) -> str:
        deleted = self._deleted[shown]
        snapshots = per_file(_SNAPSHOT, [s for _, s in deleted], "BIGINT")
        changes = per_file(_CHANGE, [_DELETED[d.change] for d, _ in deleted], "VARCHAR")
        paths = file_list(self._root, [d.path for d, _ in deleted])
        positions = f"SELECT file, pos, {snapshots}, {changes} FROM read_parquet({paths}, hive_partitioning = false)"
        return rows_at(
            self._root,
            list(self._targets[shown].values()),
            shown,
            positions,
            logical=True,
            extra=(_SNAPSHOT, _CHANGE),
        )
