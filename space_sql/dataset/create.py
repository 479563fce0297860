"""Create: an empty dataset from column definitions, or a loaded one from a source."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow as pa

from space_sql.dataset.dataset import Dataset, folder, open_dataset
from space_sql.dataset.engine import cursor
from space_sql.dataset.plan import Plan, check_storable, new_columns, source_struct
from space_sql.dataset.recording import is_file_reference
from space_sql.dataset.session import Session
from space_sql.dataset.staging import Staging
from space_sql.dataset.transact import Options, Result
from space_sql.dataset.write import Store
from space_sql.errors import AlreadyExistsError, InvalidInputError, NotFoundError, NotSyncedError, StorageError
from space_sql.format.carriers import is_opaque
from space_sql.format.commit import Commit
from space_sql.format.data_file import DataFile
from space_sql.format.names import MAIN
from space_sql.format.paths import COMPUTED, DATA, DELETES, FORMAT_VERSION, LOG, MARKER, RECORDS
from space_sql.format.records import RecordOptions
from space_sql.format.schema import Schema, new_schema, with_records
from space_sql.format.state import State
from space_sql.format.types import BLOB, Struct, Type, parse_type
from space_sql.storage import files


def create_empty(
    session: Session,
    path: str | None,
    options: Options,
    columns: str | None,
    primary_keys: Sequence[str] | None,
    records: Records,
) -> Result:
    """A dataset without rows: snapshot 0."""
    _check_options(options)
    schema = new_schema(declared_columns(columns), list(primary_keys or ()), declared=True)
    schema = with_records(schema, list(records.fields), dict(records.options))
    root = folder(path)
    repeat = _repeat(root, options)
    if repeat is not None:
        return repeat
    make_folder(root)
    return publish_first(session, root, options, schema, [])


@dataclass(frozen=True)
class Records:
    """The record fields that a new dataset is asked to have; options by case-folded name."""

    fields: Sequence[str] = ()
    options: Mapping[str, RecordOptions] = field(default_factory=dict)


class Create:
    """A dataset being created from a source: its types are the source's."""

    declared = False
    takes_rows = True
    """Whether it is handed the rows of its statement: these are not even read otherwise."""

    def __init__(
        self,
        session: Session,
        path: str | None,
        options: Options,
        source_type: str | None,
        primary_keys: Sequence[str] | None,
        records: Records,
    ) -> None:
        _check_options(options)
        self.session = session
        self.options = options
        self.root = folder(path)
        self.error: Exception | None = None
        self.staging: Store | None = None
        self.repeat = _repeat(self.root, options)
        if self.repeat is not None:
            return
        source = source_struct(source_type)
        typed = _typed(source, records)
        for name, type_ in new_columns(typed):
            if is_opaque(type_):
                raise InvalidInputError(
                    f'column "{name}" has type {type_}, which a source cannot hand over exactly when it creates the '
                    f"dataset: create it first with columns => '…, {name} {type_}', then space_append"
                )
        schema = new_schema(list(typed.fields), list(primary_keys or ()), declared=self.declared)
        self.schema = with_records(schema, list(records.fields), dict(records.options))
        make_folder(self.root)
        plan = Plan(self.schema, self.schema.columns, source)
        recorder = plan.recorder(self.root, State(-1, self.schema, {}), sync=self.session.sync)
        self.staging = Staging(
            self.root, "insert", plan.converter(recorder=recorder), self.schema.columns, recorder=recorder
        )

    def stage(self, rows: pa.ChunkedArray) -> None:
        """Take rows; a first failure is raised by commit."""
        if self.staging is None or self.error is not None:
            return
        try:
            self.staging.add(rows)
        except Exception as error:  # raised again by commit, where SQL shows it in one line
            self.error = error

    def commit(self) -> Result:
        """Publish the dataset with its first rows."""
        if self.repeat is not None:
            return self.repeat
        try:
            if self.error is not None:
                raise self.error
            assert self.staging is not None
            written = self.staging.finish(sync=self.session.sync)
            return self.publish(written)
        except NotSyncedError:
            raise  # the dataset is there: its files must stay
        except Exception:
            self.abort()
            raise

    def publish(self, written: list[DataFile]) -> Result:
        """Commit 0."""
        return publish_first(self.session, self.root, self.options, self.schema, written)

    def abort(self) -> None:
        """Remove what was staged, and the folder unless another writer made it a dataset."""
        if self.staging is not None:
            self.staging.abort()
            remove_folder(self.root)


def _typed(source: Struct, records: Records) -> Struct:
    """The source's columns with the types that they are stored as: files that it names become BLOB."""
    fields = {name.casefold() for name in records.fields}
    return Struct(tuple((n, BLOB if is_file_reference(t) and n.casefold() in fields else t) for n, t in source.fields))


def _check_options(options: Options) -> None:
    if options.branch not in (None, MAIN):
        raise InvalidInputError("a dataset starts on branch main; create it, then space_branch")
    if options.expected_snapshot is not None:
        raise InvalidInputError("expected_snapshot has no meaning for a dataset that does not exist yet")


def _repeat(root: Path, options: Options) -> Result | None:
    """The first result when the commit key was used; AlreadyExistsError when there is another dataset."""
    try:
        dataset = open_dataset(str(root))
        dataset.log.head()
    except NotFoundError:
        return None
    if options.commit_key is not None:
        commit = dataset.log.find_key(options.commit_key)
        if commit is not None:
            return Result.of(commit)
    raise AlreadyExistsError(f"{root} is a dataset already; choose another path, or space_overwrite its content")


def declared_columns(text: str | None) -> list[tuple[str, Type]]:
    """Names and types of ``'id BIGINT, name VARCHAR'``, as DuckDB reads them; constraints are refused."""
    if not text or not text.strip():
        raise InvalidInputError("columns or source is required: columns => 'id BIGINT, name VARCHAR'")
    with cursor() as con:
        statement = f"CREATE TEMP TABLE _space_declared (\n{text}\n)"
        try:
            if len(con.extract_statements(statement)) != 1:
                raise InvalidInputError("columns must be a list like 'id BIGINT, name VARCHAR'")
            con.execute(statement)
            rows = con.execute(
                "SELECT column_name, data_type, is_nullable, column_default FROM duckdb_columns() "
                "WHERE table_name = '_space_declared' ORDER BY column_index"
            ).fetchall()
            constraints = con.execute(
                "SELECT constraint_type FROM duckdb_constraints() WHERE table_name = '_space_declared'"
            ).fetchall()
        except duckdb.Error as error:
            raise InvalidInputError(f"columns: {str(error).split(chr(10), 1)[0]}") from error
        finally:
            con.execute("DROP TABLE IF EXISTS temp._space_declared")
    if constraints:
        raise InvalidInputError(
            f"columns: {constraints[0][0]} constraints are not kept; list names and types, and the key in primary_keys"
        )
    out = []
    for name, type_text, _, default in rows:
        if default is not None:
            raise InvalidInputError(f'columns: the DEFAULT of "{name}" is not kept; leave it out')
        type_ = parse_type(type_text)
        check_storable(name, type_)
        out.append((name, type_))
    return out


def make_folder(root: Path) -> None:
    """The folder and its parts; AlreadyExistsError when something else than a killed creation left is in it."""
    own = {MARKER, LOG, DATA, DELETES, RECORDS, COMPUTED}
    with files.explained(root):
        found = {p.name for p in root.iterdir()} if root.is_dir() else {"a file"} if root.exists() else set()
        if any(name not in own and not name.startswith(f".{MARKER}.") for name in found):
            raise AlreadyExistsError(f"{root} exists and is not empty; choose a new path")
        for part in (LOG, DATA, DELETES):
            (root / part).mkdir(parents=True, exist_ok=True)


def remove_folder(root: Path) -> None:
    """Remove a folder in which no dataset came to be; what is not empty stays."""
    if any((root / LOG).glob("*.json")):
        return
    with contextlib.suppress(OSError):
        (root / MARKER).unlink(missing_ok=True)
        for folder_ in (root / RECORDS).glob("*"):
            folder_.rmdir()
        if (root / RECORDS).is_dir():
            (root / RECORDS).rmdir()
        for part in (LOG, DATA, DELETES):
            (root / part).rmdir()
        root.rmdir()


def publish_first(
    session: Session,
    root: Path,
    options: Options,
    schema: Schema,
    written: list[DataFile],
    *,
    operation: str = "create",
    view: dict[str, Any] | None = None,
) -> Result:
    """Write the marker and commit 0; AlreadyExistsError when another writer was first.

    ``view`` is the definition of a materialized view.
    """
    marker = {
        "format": FORMAT_VERSION,
        "dataset_id": str(uuid.uuid4()),
        "created": datetime.now(UTC).isoformat(timespec="microseconds"),
    }
    try:
        files.put_if_absent(root / MARKER, orjson.dumps(marker, option=orjson.OPT_INDENT_2), sync=session.sync)
    except NotSyncedError as error:
        raise StorageError(f"the disk of {root} failed to sync; nothing was committed") from error
    if session.sync:
        with files.explained(root):
            for part in (root / LOG, root / DATA, root / DELETES, root, root.parent):
                files.sync_folder(part)
    commit = Commit(
        snapshot_id=0,
        parent_id=None,
        branch=MAIN,
        time=time.time_ns() // 1000,
        operation=operation,
        author=options.author,
        message=options.message,
        commit_key=options.commit_key,
        schema=schema,
        rows_inserted=sum(file.rows for file in written),
        files_added=tuple(written),
        view=view,
    ).numbered(0)
    dataset: Dataset = open_dataset(str(root))
    if not dataset.log.publish(commit, sync=session.sync):
        repeat = dataset.log.find_key(options.commit_key) if options.commit_key is not None else None
        if repeat is not None:
            for file in written:
                for path in (file.path, *(record.path for record in file.records)):
                    files.remove_quietly(root / path)
            return Result.of(repeat)
        raise AlreadyExistsError(f"{root} was created by another writer at the same time")
    return Result.of(commit)
