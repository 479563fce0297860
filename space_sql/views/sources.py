"""The datasets that a view reads, between the versions that it had and those that it shall have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from space_sql.dataset.changes import changes_pieces, changes_sql
from space_sql.dataset.dataset import View
from space_sql.dataset.difference import net_difference
from space_sql.dataset.pieces import pieces
from space_sql.dataset.scan import rows_sql, value_sql
from space_sql.dataset.session import Session
from space_sql.errors import InvalidInputError, NotFoundError
from space_sql.format.commit import Commit
from space_sql.format.schema import Column
from space_sql.format.state import State
from space_sql.format.types import quote_identifier
from space_sql.views.definition import Definition, Source
from space_sql.views.relation import WEIGHT, NoRule

_GONE = ("delete", "update_preimage")


@dataclass(frozen=True)
class Delta:
    """Weighted rows between two versions of a source; ``rows`` are read for them.

    ``grows``: all of them came, each has the weight 1.
    """

    sql: str
    rows: int
    grows: bool = False


@dataclass(frozen=True)
class Pinned:
    """A source with the snapshots between which a refresh goes."""

    source: Source
    view: View
    old: int
    new: int
    apart: frozenset[int] = frozenset()
    used: frozenset[str] | None = None

    @property
    def root(self) -> Path:
        """Where it is."""
        return self.view.dataset.root

    @property
    def state(self) -> State:
        """Its content as it shall be."""
        return self.view.state(self.new)

    @property
    def shown(self) -> tuple[Column, ...]:
        """Its columns that the view reads, but for those that both versions do not share."""
        shared = tuple(c for c in self.state.schema.columns if c.id not in self.apart)
        if self.used is None:
            return shared
        return tuple(c for c in shared if c.name.casefold() in self.used) or shared[:1]

    @property
    def has_records(self) -> bool:
        """Whether one of its columns is read from record files, by a function of the caller's connection."""
        return any(c.record is not None for c in self.shown)

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Names and types of its columns."""
        return tuple((c.name, str(c.type)) for c in self.shown)

    @property
    def full(self) -> frozenset[str]:
        """Names of its columns, in lower case, that have no NULL in any file of both versions."""
        files = {**self.view.state(self.old).files, **self.state.files}
        return frozenset(
            c.name.casefold()
            for c in self.shown
            if all(c.id in f.columns and (f.stats.get(c.id) or [0, 0, 1])[2] == 0 for f in files.values())
        )

    @property
    def key(self) -> tuple[str, ...]:
        """Names of the columns that identify its rows; none when the view does not read them all."""
        keys = self.state.schema.keys
        return tuple(c.name for c in keys) if set(keys) <= set(self.shown) else ()

    def new_sql(self) -> str:
        """The rows as they shall be."""
        return rows_sql(self.root, list(self.state.files.values()), self.shown)

    def old_sql(self) -> str:
        """The rows as they were."""
        before = self.view.state(self.old)
        return rows_sql(self.root, list(before.files.values()), self.shown)

    def narrowed(self, used: frozenset[str] | None) -> Pinned:
        """The source without the columns whose names the view does not say: they are not read."""
        return replace(self, used=used)

    def checked(self, used: frozenset[str] | None) -> Pinned:
        """The source, if its difference can be told; ``used`` are the names that the view says, None for ``*``.

        Columns that came or went are left out when the view says none of their names.

        Raises:
            NoRule: it cannot be told.
        """
        if self.view.dataset.id != self.source.dataset_id:
            raise NoRule("source-replaced", f"another dataset is at {self.root}")
        if self.old == self.new:
            return self
        if not self.view.shows(self.old):
            raise NoRule("source-replaced", f"{self.root} has no snapshot {self.old}")
        before, after = (state.schema.columns for state in (self.view.state(self.old), self.state))
        differ: list[Column] = []
        if _signature(before) != _signature(after):
            both = {c.id for c in before} & {c.id for c in after}
            same = {(c.id, c.name, str(c.type)) for c in before} & {(c.id, c.name, str(c.type)) for c in after}
            differ = [c for c in (*before, *after) if (c.id, c.name, str(c.type)) not in same]
            if used is None or any(c.name.casefold() in used or c.id in both for c in differ):
                raise NoRule("schema-changed", f"the columns of {self.root} changed")
        try:
            self.view.kept(self.old)
        except NotFoundError:
            raise NoRule("source-expired", f"snapshot {self.old} of {self.root} was expired") from None
        return replace(self, apart=frozenset(c.id for c in differ))

    def delta(self) -> Delta | None:
        """The difference of both versions; None when no row changed."""
        if self.old == self.new:
            return None
        before, after = self.view.state(self.old), self.state
        if before.files == after.files:
            return None
        chain = self._chain()
        if chain is None:
            return Delta(self._jump(before, after), before.rows + after.rows)
        data = [c for c in chain if c.files_added or c.files_removed or c.deletes_added]
        if not data:
            return None
        feed = changes_sql(self.view, self.old, self.new, {c.id for c in self.shown})
        count = sum(c.rows_inserted + 2 * c.rows_updated + c.rows_deleted for c in data)
        grows = all(_only_adds(c) for c in chain)
        return Delta(self._weighted(feed, grows), count, grows)

    def delta_pieces(self, delta: Delta, size: int) -> list[str]:
        """The difference as several queries, whose rows together are its rows."""
        if self._chain() is None:
            return [delta.sql]
        feeds = changes_pieces(self.view, self.old, self.new, size, {c.id for c in self.shown})
        return [self._weighted(feed, delta.grows) for feed in feeds]

    def new_pieces(self, size: int) -> list[str]:
        """The rows as they shall be, as several queries of weighted rows."""
        files, names = list(self.state.files.values()), ", ".join(quote_identifier(c.name) for c in self.shown)
        out = []
        for piece in pieces([file.rows for file in files], size):
            rows = rows_sql(self.root, [files[i] for i in piece.files], self.shown, positions=piece.ranged)
            out.append(f"SELECT {names}, 1 AS {WEIGHT} FROM (\n{piece.cut(names, rows)}\n)")
        return out

    def nothing(self) -> str:
        """No rows, with the columns of the source."""
        return rows_sql(self.root, [], self.shown)

    def _chain(self) -> Sequence[Commit] | None:
        """The commits from one version to the other; None where they do not follow each other."""
        try:
            return self.view.chain(self.old, self.new)
        except (InvalidInputError, NotFoundError):
            return None

    def _weighted(self, feed: str, grows: bool) -> str:
        """The rows of a change feed with their weights."""
        names = ", ".join(quote_identifier(c.name) for c in self.shown)
        gone = ", ".join(f"'{change}'" for change in _GONE)
        weight = "1" if grows else f"CASE WHEN change_type IN ({gone}) THEN -1 ELSE 1 END"
        return f"SELECT {names}, {weight} AS {WEIGHT} FROM (\n{feed}\n)"

    def _jump(self, before: State, after: State) -> str:
        columns = self.shown
        items = ", ".join(
            f"{value_sql(self.root, c, quote_identifier(c.name))} AS {quote_identifier(c.name)}" for c in columns
        )
        parts = [
            f"SELECT {items}, {weight} AS {WEIGHT} FROM ({net_difference(self.root, here, there, columns)})"
            for weight, here, there in ((1, after, before), (-1, before, after))
        ]
        return "\nUNION ALL\n".join(parts)


def _only_adds(commit: Commit) -> bool:
    """Whether a commit left all rows and columns that were there as they were."""
    changed = commit.files_removed or commit.deletes_added or commit.brings_back or commit.schema is not None
    return not changed and commit.operation != "restore" and commit.merge_parent_id is None


def _signature(columns: Sequence[Column]) -> list[tuple[int, str, str]]:
    return [(c.id, c.name, str(c.type)) for c in columns]


def pinned(session: Session, root: Path, definition: Definition, version: str | None) -> list[Pinned]:
    """All sources, resolved at once; ``version`` is for those whose version the query leaves open."""
    out = []
    for source in definition.sources:
        view = session.view(source.folder(root))
        fixed = source.version is not None
        new = view.resolve(source.version if fixed else version, None if fixed else source.branch)
        out.append(Pinned(source, view, source.snapshot_id, new))
    return out
