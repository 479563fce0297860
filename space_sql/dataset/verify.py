"""Verifying a dataset: everything that a reader relies on, looked at again from the disk.

Nothing that this process has cached is trusted. A finding is an ``error`` when something that can be
read would be wrong or missing, a ``warning`` when it is only slower or unusual.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from space_sql.dataset.dataset import Dataset
from space_sql.dataset.engine import cursor
from space_sql.dataset.reach import reachable
from space_sql.dataset.record_check import RecordCheck
from space_sql.dataset.scan import rows_sql
from space_sql.errors import SpaceError, StorageError
from space_sql.format.data_file import DataFile, DeleteFile
from space_sql.format.forgotten import Forgetting
from space_sql.format.paths import COMPUTED, checkpoint_path, entry_path
from space_sql.format.state import NO_REFS, Refs, State, first_state
from space_sql.format.types import quote_identifier
from space_sql.storage import checkpoint as cp
from space_sql.storage import computed, files
from space_sql.storage.log import Log
from space_sql.storage.parquet import field_id, field_statistics

_RESTORE = "restore the file from a copy"


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be, and what to do."""

    severity: str
    kind: str
    file: str
    finding: str
    remedy: str


def findings(dataset: Dataset, *, deep: bool) -> Iterator[Finding]:
    """What is wrong with a dataset; ``deep`` reads every byte of every file that is needed."""
    log = Log(dataset.root, hiding=False)
    try:
        head = log.head().snapshot_id
    except SpaceError as error:
        yield Finding("error", "log", "log", error.message, _RESTORE)
        return
    broken = list(_entries(log, head))
    yield from broken
    if broken:
        return  # states cannot be told
    refs, wrong = _replayed(log, head)
    yield from wrong
    if any(f.kind == "log" for f in wrong):
        return
    if refs.forgetting is not None:
        text = f"snapshot {refs.forgetting[0]} forgets rows of which bytes are still there"
        yield Finding("error", "forget", entry_path(refs.forgetting[0]), text, "space_repair finishes it")
    needed = reachable(log, refs)
    damaged = set()
    for path, size in needed.items():
        found = files.signature(dataset.root / path)
        if found is None:
            damaged.add(path)
            yield Finding("error", "missing-file", path, f"{path} does not exist", _RESTORE)
        elif found[2] != size:
            damaged.add(path)
            yield Finding("error", "wrong-size", path, f"{path} has {found[2]} bytes, not {size}", _RESTORE)
    if deep:
        yield from _contents(dataset.root, log, refs, damaged)
        for file in computed.damaged(dataset.root / COMPUTED):
            name = file.relative_to(dataset.root).as_posix()
            text = f"{name}: its bytes have changed since it was written"
            yield Finding("error", "computed", name, text, "remove it; a refresh computes what it needs of it anew")


def _entries(log: Log, head: int) -> Iterator[Finding]:
    """Each entry of the log by itself, and its place among the others."""
    before = -1
    for snapshot_id in range(head + 1):
        name = entry_path(snapshot_id)
        try:
            commit = log.commit(snapshot_id)
        except SpaceError as error:
            yield Finding("error", "log", name, error.message, _RESTORE)
            continue
        parent = commit.parent_id
        if (parent is None) != (snapshot_id == 0) or (parent is not None and not 0 <= parent < snapshot_id):
            yield Finding("error", "log", name, f"the parent of snapshot {snapshot_id} is {parent}", _RESTORE)
        if commit.time < before:
            yield Finding("error", "log", name, f"snapshot {snapshot_id} is older than the one before it", _RESTORE)
        before = commit.time


def _replayed(log: Log, head: int) -> tuple[Refs, list[Finding]]:
    """The refs after replaying the whole log, and what does not fit in entries and checkpoints."""
    refs = NO_REFS
    out: list[Finding] = []
    states: dict[int, State] = {}
    for snapshot_id in range(head + 1):
        commit = log.commit(snapshot_id)
        refs = refs.apply(commit)
        if commit.advances:
            try:
                states[snapshot_id] = _state(states, log, snapshot_id)
            except SpaceError as error:
                out.append(Finding("error", "log", entry_path(snapshot_id), error.message, _RESTORE))
        heads = {*refs.branches.values()}
        states = {i: s for i, s in states.items() if i in heads or i > snapshot_id - cp.INTERVAL}
        if snapshot_id and snapshot_id % cp.INTERVAL == 0 and all(f.kind != "log" for f in out):
            shown = {head: _state(states, log, head) for head in heads}
            out.extend(_checkpoint(log.root, snapshot_id, refs, shown))
    return refs, out


def _state(states: dict[int, State], log: Log, snapshot_id: int) -> State:
    """A state from the entries alone, beginning with one that is known."""
    chain = []
    at = snapshot_id
    while at not in states:
        commit = log.commit(at)
        chain.append(commit)
        if commit.parent_id is None:
            break
        at = commit.parent_id
    state = states[at] if at in states else first_state(chain.pop())
    for commit in reversed(chain):
        state = state.apply(commit)
    return state


def _checkpoint(root: Path, snapshot_id: int, refs: Refs, states: dict[int, State]) -> Iterator[Finding]:
    """A checkpoint beside the replayed log."""
    name = checkpoint_path(snapshot_id)
    remedy = "space_repair writes it anew; readers replay the log meanwhile"
    raw = files.read(root / name)
    if raw is None:
        yield Finding("warning", "checkpoint", name, f"{name} is missing", remedy)
        return
    read = cp.decode(raw)
    if read is None:
        yield Finding("warning", "checkpoint", name, f"{name} is damaged", remedy)
        return
    if read.refs != refs or read.states != states:
        yield Finding("error", "checkpoint", name, f"{name} says something else than the log", "remove it")


def _contents(root: Path, log: Log, refs: Refs, damaged: set[str]) -> Iterator[Finding]:
    """Every needed file, read whole; and the keys of every branch."""
    seen: set[str] = set()
    rows: dict[int, int] = {}
    for snapshot_id in range(refs.snapshot_id + 1):
        if refs.has_expired(snapshot_id):
            continue
        commit = log.commit(snapshot_id)
        parent_gone = commit.parent_id is not None and refs.has_expired(commit.parent_id)
        known = tuple(log.state(snapshot_id).files.values()) if commit.advances and parent_gone else ()
        data = [*known, *commit.files_added, *commit.rewrites_added]
        rows.update((f.number, f.rows) for f in data)
        for file in data:
            if file.path not in damaged | seen:
                yield from _data_file(root, file)
            seen.add(file.path)
        deletes = [*(d for f in data for d in f.deletes), *commit.deletes_added]
        deletes += [m.added for m in commit.deletes_merged]
        if commit.forgets is not None and commit.forgets.files:
            deletes.append(_positions(commit.forgets))
        for delete in deletes:
            if delete.path not in damaged:
                yield from _delete_file(root, delete, rows)
    for branch, head in refs.branches.items():
        state = log.state(head)
        if not damaged & {f.path for f in state.files.values()}:
            yield from _keys(root, branch, state)


def _positions(forgets: Forgetting) -> DeleteFile:
    """The file of forgotten positions as one of deleted ones."""
    targets = {number: gone.rows for number, gone in forgets.files.items()}
    return DeleteFile(forgets.path, forgets.rows, forgets.bytes, targets, "forget", forgets.crc32)


@contextmanager
def _opened(root: Path, file: DataFile | DeleteFile) -> Iterator[pq.ParquetFile]:
    """A Parquet file whose bytes are those that were written; StorageError says what is wrong with them."""
    files.check_inside(root, file.path)
    if file.crc32 is not None and files.crc32(root / file.path) != file.crc32:
        raise StorageError("its bytes have changed since it was written")
    try:
        with pq.ParquetFile(root / file.path, page_checksum_verification=True) as opened:
            yield opened
    except (OSError, pa.ArrowException) as error:
        raise StorageError(" ".join(str(error).split())) from error


def _data_file(root: Path, file: DataFile) -> Iterator[Finding]:
    def wrong(text: str) -> Finding:
        return Finding("error", "data-file", file.path, f"{file.path}: {text}", _RESTORE)

    try:
        with _opened(root, file) as opened:
            if opened.metadata.num_rows != file.rows:
                yield wrong(f"it has {opened.metadata.num_rows} rows, the log says {file.rows}")
            ids = {field_id(f) for f in opened.schema_arrow if b"PARQUET:field_id" in (f.metadata or {})}
            for column_id in file.columns.keys() - ids:
                yield wrong(f"the column of id {column_id} is missing")
            stats = field_statistics(opened.metadata, opened.schema_arrow)
            for column_id, known in file.stats.items():
                if stats.get(column_id) != known:
                    yield wrong(f"the statistics of column {column_id} are {stats.get(column_id)}, not {known}")
            problems = RecordCheck(root, file)
            for batch in opened.iter_batches():
                batch.validate(full=True)
                problems.take(batch)
        for path, text in problems.found():
            yield Finding("error", "record-file", path, f"{path}: {text}", _RESTORE)
    except SpaceError as error:
        yield wrong(error.message)


def _delete_file(root: Path, deletes: DeleteFile, rows: dict[int, int]) -> Iterator[Finding]:
    def wrong(text: str) -> Finding:
        return Finding("error", "deletes-file", deletes.path, f"{deletes.path}: {text}", _RESTORE)

    try:
        with _opened(root, deletes) as opened:
            positions = opened.read()
    except SpaceError as error:
        yield wrong(error.message)
        return
    for number, count in deletes.targets.items():
        here = positions.filter(pc.equal(positions["file"], number))["pos"]
        if len(here) != count or pc.count_distinct(here).as_py() != count:
            yield wrong(f"it has {len(here)} positions of data file {number}, the log says {count}")
        bounds = pc.min_max(here).as_py()
        if len(here) and (bounds["min"] < 0 or bounds["max"] >= rows.get(number, bounds["max"] + 1)):
            yield wrong(f"positions {bounds['min']} to {bounds['max']} are not all in data file {number}")


def _keys(root: Path, branch: str, state: State) -> Iterator[Finding]:
    names = ", ".join(quote_identifier(k.name) for k in state.schema.keys)
    null = " OR ".join(f"{quote_identifier(k.name)} IS NULL" for k in state.schema.keys)
    try:
        rows = rows_sql(root, list(state.files.values()), state.schema.keys)
        with cursor() as con:
            (nulls, doubled) = con.execute(
                f"SELECT coalesce(sum(_space_n) FILTER (WHERE {null}), 0)::BIGINT, "
                f"coalesce(sum(_space_n - 1) FILTER (WHERE NOT ({null})), 0)::BIGINT "
                f"FROM (SELECT {names}, count(*) AS _space_n FROM ({rows}) GROUP BY {names})"
            ).fetchall()[0]
    except SpaceError as error:
        yield Finding("error", "rows", "data", f"the rows of branch {branch} cannot be read: {error.message}", _RESTORE)
        return
    if nulls or doubled:
        text = f"branch {branch} has {nulls} rows without a key and {doubled} whose key is there already"
        yield Finding("warning", "keys", "data", text, "delete them, or replace them with space_upsert")
