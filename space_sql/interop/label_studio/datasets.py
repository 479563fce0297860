"""The three datasets of a folder, and putting a batch on them; the rows are worked out in SQL."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from space_sql.dataset.create import Create, Records
from space_sql.dataset.dataset import View, folder
from space_sql.dataset.engine import cursor
from space_sql.dataset.reconcile import Reconcile
from space_sql.dataset.refs import add_ref
from space_sql.dataset.scan import FILE, POS, rows_sql
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Result, branch_of
from space_sql.dataset.write import Write
from space_sql.errors import AlreadyExistsError, ConflictError, InvalidInputError, NotFoundError
from space_sql.format.names import MAIN
from space_sql.format.types import quote_identifier
from space_sql.interop.label_studio.batch import Batch
from space_sql.interop.label_studio.media import Media, check_media
from space_sql.interop.label_studio.reading import read
from space_sql.interop.label_studio.statements import statements

if TYPE_CHECKING:
    import duckdb

KEYS = {
    "tasks": ["task_id"],
    "annotations": ["annotation_id"],
    "regions": ["annotation_id", "region_id", "from_name", "nth"],
}
"""The datasets and their primary keys, in the order in which they are written."""

_WHO = {"tasks": "updated_by", "annotations": "coalesce(updated_by, annotator)", "regions": "annotator"}
"""Who changed a row, as far as Label Studio tells."""

Row = dict[str, Any]

_ATTEMPTS = 20
_ROWS = 20_000
_POSITIONS = pa.schema([("file", pa.int64()), ("pos", pa.int64())])


def put(session: Session, path: str | None, batch: Batch, options: Options, media: Media | None = None) -> list[Row]:
    """Bring the datasets up to a batch; one snapshot for each that changes.

    Should this end between two of them, doing it again does the rest.

    Returns:
        A row for each dataset: ``dataset, path, snapshot_id, operation, rows_inserted, rows_updated, rows_deleted``.
    """
    root = folder(path)
    for attempt in range(_ATTEMPTS):
        try:
            with cursor() as con:
                return _Put(con, session if attempt == 0 else _fresh(session), root, options, media).run(batch)
        except (ConflictError, AlreadyExistsError):  # others wrote between reading and writing
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError


def stored_sql(session: Session, root: Path, name: str, branch: str, columns: list[str]) -> str | None:
    """A query over columns of one of the datasets at the head of a branch; None where it is not there yet."""
    try:
        view = session.view(str(root / name))
    except NotFoundError:
        return None
    state = view.state(view.head(branch if branch in view.refs.branches else MAIN))
    return rows_sql(view.dataset.root, list(state.files.values()), [state.schema.column(c) for c in columns])


def _fresh(session: Session) -> Session:
    """The session without what it has seen."""
    return Session(session.connection, session.transaction, branch=session.branch, sync=session.sync)


class _Put:
    def __init__(
        self, con: duckdb.DuckDBPyConnection, session: Session, root: Path, options: Options, media: Media | None
    ) -> None:
        self.con, self.session, self.root = con, session, root
        self.options, self.media = options, media
        self.branch = branch_of(session, options)

    def run(self, batch: Batch) -> list[Row]:
        if read(self.con, batch):
            self._refuse_less()
        if self.media is None:
            self.con.execute("CREATE TEMP TABLE ls_with_media (task_id BIGINT)")
        else:
            self.media.find(self.con)
        with TemporaryDirectory(prefix="space-label-studio-") as fetched:
            return self._all(batch, Path(fetched))

    def _all(self, batch: Batch, fetched: Path) -> list[Row]:
        con, rows = self.con, []
        for name in KEYS:
            view = self._view(name)
            self._stored(name, view)
            con.execute(statements(name))
            if name == "annotations":
                con.execute(statements("late"))
            if name == "tasks" and self.media is not None:
                self.media.fetch(con, batch.fetch, fetched)
            result = self._write(name, view)
            rows.append({"dataset": name, "path": str(self.root / name), **result.row()})
        return rows

    def _refuse_less(self) -> None:
        """Raise where a JSON_MIN export would take away what a full one told."""
        view = self._view("tasks")
        if view is None:
            return
        state = view.state(view.head(self.branch))
        tasks = rows_sql(view.dataset.root, list(state.files.values()), [state.schema.column("inner_id")])
        if state.files and self.con.execute(f"SELECT 1 FROM ({tasks}) WHERE inner_id IS NOT NULL LIMIT 1").fetchall():
            raise InvalidInputError(
                "a JSON_MIN export lacks skipped annotations, ids of regions and metadata, and "
                f"{self.root} was loaded from more: export the project as JSON"
            )

    def _view(self, name: str) -> View | None:
        """The dataset with the branch to write to; None when it is to be created."""
        place = str(self.root / name)
        try:
            view = self.session.view(place)
        except NotFoundError:
            return None
        if self.branch not in view.refs.branches:
            add_ref(self.session, view, Options(branch=MAIN), "branch", self.branch, None)
            self.session = _fresh(self.session)
            view = self.session.view(place)
        if name == "tasks":
            schema = view.state(view.head(self.branch)).schema
            check_media(schema, self.media)
            if self.media is not None and self.media.prepare(
                self.session, view, replace(self.options, branch=self.branch), schema
            ):
                self.session = _fresh(self.session)
                view = self.session.view(place)
        return view

    def _stored(self, name: str, view: View | None) -> None:
        """The table ``ls_tasks`` and so on: what is stored, with positions."""
        con = self.con
        if view is None:
            con.execute(
                f"CREATE TEMP TABLE ls_{name} AS SELECT 0::BIGINT AS {FILE}, 0::BIGINT AS {POS}, *, "
                f"true AS ls_has_media FROM ls_new_{name} WHERE false"
            )
            return
        state = view.state(view.head(self.branch))
        names = [row[0] for row in con.execute(f"DESCRIBE ls_new_{name}").fetchall()]
        known = {c.name: c for c in state.schema.columns}
        lost = [n for n in names if n not in known]
        if lost:
            raise InvalidInputError(
                f'{self.root / name} has no column "{lost[0]}", which Label Studio fills: add or rename it, or import '
                "into another folder"
            )
        has_media = "true"
        if name == "tasks" and self.media is not None:
            names = [*names, self.media.key]
            has_media = f"{quote_identifier(self.media.key)} IS NOT NULL"
        rows = rows_sql(
            view.dataset.root,
            list(state.files.values()),
            [known[n] for n in names],
            positions=True,
            addresses=names[-1:],
        )
        con.execute(f"CREATE TEMP TABLE ls_{name} AS SELECT *, {has_media} AS ls_has_media FROM ({rows})")

    def _write(self, name: str, view: View | None) -> Result:
        con = self.con
        query = f"SELECT * FROM ls_{name}_put"
        fields: list[str] = []
        if name == "tasks" and self.media is not None:
            query = f"SELECT p.*, {self.media.column()} FROM ls_tasks_put AS p LEFT JOIN ls_media AS m USING (task_id)"
            fields = [self.media.key]
        ((type_,),) = con.execute(
            f"SELECT typeof(any_value(_space_row)) FROM (SELECT _space_row FROM ({query}) AS _space_row LIMIT 0)"
        ).fetchall()
        options = replace(self.options, author=self.options.author or self._author(name), commit_key=None)
        if view is None and self.branch != MAIN:
            none = f"{query} LIMIT 0"
            _filled(con, none, _create(self.session, self.root / name, Options(), type_, KEYS[name], fields))
            self.session = _fresh(self.session)
            view = self._view(name)
        if view is None:
            return _filled(con, query, _create(self.session, self.root / name, options, type_, KEYS[name], fields))
        gone = con.sql(f"SELECT {FILE} AS file, {POS} AS pos FROM ls_{name}_gone").to_arrow_table()
        write = Reconcile(self.session, view, replace(options, branch=self.branch), type_, gone.cast(_POSITIONS))
        return _filled(con, query, write)

    def _author(self, name: str) -> str | None:
        """Who made the changes, where Label Studio tells it."""
        who = _WHO[name]
        found = self.con.execute(
            f"SELECT DISTINCT coalesce(u.email, 'user ' || {who}) AS author FROM ls_{name}_put "
            f"LEFT JOIN ls_users AS u ON u.id = {who} WHERE {who} IS NOT NULL ORDER BY author"
        ).fetchall()
        return ", ".join(row[0] for row in found) or None


class _Declared(Create):
    """Columns have the types that they are given, also where all values are NULL so far."""

    declared = True


def _create(session: Session, root: Path, options: Options, type_: str, keys: list[str], fields: list[str]) -> Create:
    return _Declared(session, str(root), replace(options, branch=None), type_, keys, Records(fields))


def _filled(con: duckdb.DuckDBPyConnection, query: str, write: Write | Create) -> Result:
    """The write, committed with the rows of a query."""
    try:
        for batch in con.sql(query).to_arrow_reader(_ROWS):
            write.stage(pa.chunked_array([batch.to_struct_array()]))
    except BaseException:
        write.abort()
        raise
    return write.commit()
