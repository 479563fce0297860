"""Checkpoints: what a reader needs to know as of a commit, so that no long log is replayed.

A checkpoint stands at every 32nd commit. It holds the refs, the state of every branch head, and
the summaries of the commits since the previous checkpoint of its rank: one at a multiple of 32 covers
32 commits, one at a multiple of 1,024 covers 1,024, and so on, so that all history is found in a
number of files that grows with the logarithm of its length.

Source: docs/format.md, section "Checkpoint".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from space_sql.errors import FormatError
from space_sql.format.commit import history_of
from space_sql.format.data_file import DataFile
from space_sql.format.forgotten import Forgetting
from space_sql.format.paths import FORMAT_VERSION
from space_sql.format.schema import Schema
from space_sql.format.shape import count, text
from space_sql.format.state import Refs, State

if TYPE_CHECKING:  # most processes that read meet no checkpoint: the Parquet reader is imported where one is
    import pyarrow as pa

INTERVAL = 32

_CHECKSUM = "space.sha256"
_BLANK = "0" * 64
_MOST_BYTES = 4 << 30
_SIGNATURE = re.compile(rb"space\.sha256.{1,8}?([0-9a-f]{64})", re.DOTALL)

_COLUMNS = ("kind", "id", "heads", "key", "payload")


def _schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("kind", pa.string(), nullable=False),
            pa.field("id", pa.int64(), nullable=False),
            pa.field("heads", pa.list_(pa.int64())),
            pa.field("key", pa.string()),
            pa.field("payload", pa.string(), nullable=False),
        ]
    )


def span(snapshot_id: int) -> int:
    """How many commits the checkpoint at an id covers: the largest power of 32 that divides it."""
    covered = INTERVAL
    while snapshot_id % (covered * INTERVAL) == 0:
        covered *= INTERVAL
    return covered


def encode(refs: Refs, states: Iterable[State], history: Iterable[dict[str, Any]]) -> bytes:
    """The bytes of a checkpoint."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows: list[tuple[str, int, list[int] | None, str | None, bytes]] = []
    meta: dict[str, Any] = {
        "format": FORMAT_VERSION,
        "time": refs.time,
        "branches": dict(refs.branches),
        "tags": dict(refs.tags),
        "expired": refs.expired,
        "forgot": refs.forgot,
    }
    if refs.forgetting is not None:
        meta["forgetting"] = {"snapshot_id": refs.forgetting[0], "forgets": refs.forgetting[1].encode()}
    rows.append(("meta", refs.snapshot_id, None, None, orjson.dumps(meta)))
    files: dict[bytes, tuple[int, list[int]]] = {}
    for state in states:
        rows.append(("head", state.snapshot_id, None, None, orjson.dumps(state.schema.encode())))
        for file in state.files.values():
            files.setdefault(orjson.dumps(file.encode()), (file.number, []))[1].append(state.snapshot_id)
    rows.extend(("file", number, heads, None, payload) for payload, (number, heads) in files.items())
    rows.extend(("history", h["snapshot_id"], None, h["commit_key"], orjson.dumps(h)) for h in history)
    columns = list(zip(*rows, strict=True))
    table = pa.Table.from_arrays(
        [
            pa.array(columns[0], pa.string()),
            pa.array(columns[1], pa.int64()),
            pa.array(columns[2], pa.list_(pa.int64())),
            pa.array(columns[3], pa.string()),
            pa.array([p.decode() for p in columns[4]], pa.string()),
        ],
        schema=_schema(),
    )
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, table.schema, compression="zstd", store_schema=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({_CHECKSUM: _BLANK})
    return _signed(bytes(sink.getvalue()))


def _signed(raw: bytes) -> bytes:
    """The file with its checksum in place of the blank one: Parquet itself does not protect its footer."""
    at = raw.rindex(_BLANK.encode())
    return raw[:at] + hashlib.sha256(raw).hexdigest().encode() + raw[at + len(_BLANK) :]


def is_sound(raw: bytes) -> bool:
    """Whether a checkpoint is as it was written, in a form that this version reads."""
    if not _is_whole(raw):
        return False
    import pyarrow as pa
    import pyarrow.parquet as pq

    return tuple(pq.read_schema(pa.BufferReader(raw)).names) == _COLUMNS


def _is_whole(raw: bytes) -> bool:
    """Whether a checkpoint is as it was written."""
    found = _SIGNATURE.search(raw, max(raw.rfind(_CHECKSUM.encode()), 0))
    if found is None:
        return False
    start, end = found.span(1)
    blank = raw[:start] + _BLANK.encode() + raw[end:]
    return hashlib.sha256(blank).hexdigest().encode() == found[1]


_T = TypeVar("_T")


def _told(read: Callable[[], _T]) -> _T:
    """What is read; FormatError when it is not what it should be, though the checksum is right."""
    try:
        return read()
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise FormatError(
            f"a checkpoint cannot be read: {error!r}; remove the checkpoints, the log is enough"
        ) from error


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read; its parts are decoded when asked for."""

    table: pa.Table

    @cached_property
    def _kinds(self) -> list[str]:
        kinds: list[str] = self.table["kind"].to_pylist()
        return kinds

    def _rows(self, kind: str) -> pa.Table:
        """The rows of a kind, which lie next to each other."""
        count = self._kinds.count(kind)
        return self.table.slice(self._kinds.index(kind) if count else 0, count)

    @cached_property
    def refs(self) -> Refs:
        """Tags and branches."""
        return _told(self._read_refs)

    def _read_refs(self) -> Refs:
        row = self._rows("meta").to_pylist()[0]
        meta = orjson.loads(row["payload"])
        if meta["format"] > FORMAT_VERSION:
            raise FormatError(f"a checkpoint has format {meta['format']}; upgrade space-sql")
        expired = tuple((count(first), count(last)) for first, last in meta.get("expired", ()))
        branches, tags = ({text(n): count(s) for n, s in meta[kind].items()} for kind in ("branches", "tags"))
        pending = meta.get("forgetting")
        forgetting = (pending["snapshot_id"], Forgetting.decode(pending["forgets"])) if pending else None
        forgot = meta.get("forgot", -1)
        newest = forgot if forgot == -1 else count(forgot)
        return Refs(row["id"], int(meta["time"]), branches, tags, expired, forgetting, newest)

    @cached_property
    def states(self) -> dict[int, State]:
        """The state of every branch head, by snapshot id."""
        return _told(self._read_states)

    def _read_states(self) -> dict[int, State]:
        schemas = {r["id"]: Schema.decode(orjson.loads(r["payload"])) for r in self._rows("head").to_pylist()}
        files: dict[int, dict[int, DataFile]] = {head: {} for head in schemas}
        for row in self._rows("file").to_pylist():
            file = DataFile.decode(orjson.loads(row["payload"]))
            for head in row["heads"]:
                files[head][file.number] = file
        return {head: State(head, schema, files[head]) for head, schema in schemas.items()}

    @cached_property
    def history(self) -> list[dict[str, Any]]:
        """Summaries of the covered commits, oldest first."""
        return _told(lambda: [history_of(orjson.loads(p)) for p in self._rows("history")["payload"].to_pylist()])

    @cached_property
    def keys(self) -> dict[str, int]:
        """Commit keys of the covered commits and their snapshot ids."""
        rows = self._rows("history")
        pairs = zip(rows["key"].to_pylist(), rows["id"].to_pylist(), strict=True)
        return {key: snapshot_id for key, snapshot_id in pairs if key is not None}


def decode(raw: bytes) -> Checkpoint | None:
    """Read a checkpoint; None when its bytes are damaged (the log itself is then replayed)."""
    if not _is_whole(raw):
        return None
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(raw))
        groups = (file.metadata.row_group(i) for i in range(file.metadata.num_row_groups))
        if sum(group.total_byte_size for group in groups) > _MOST_BYTES:
            raise FormatError(f"a checkpoint says that it has more than {_MOST_BYTES:,} bytes; remove it")
        table = file.read()
    except pa.ArrowException:
        return None
    return Checkpoint(table) if tuple(table.column_names) == _COLUMNS else None
