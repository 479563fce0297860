"""Whatever bytes, names and SQL come from a disk or a user: a result or one clear error, nothing else.

What is read from a dataset may have been written by a stranger, checksums included.
"""

from __future__ import annotations

import copy
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import space_sql
from space_sql.dataset.dataset import Dataset, folder, open_dataset
from space_sql.dataset.engine import cursor
from space_sql.dataset.source import assignments_sql, predicate_sql, source_query
from space_sql.errors import SpaceError
from space_sql.format.commit import Commit, signed
from space_sql.format.data_file import DeleteFile
from space_sql.format.names import check_ref
from space_sql.format.paths import MARKER, checked, entry_path
from space_sql.format.records import record_path
from space_sql.format.state import NO_REFS, first_state
from space_sql.format.types import parse_type
from space_sql.storage import checkpoint as cp
from space_sql.storage.parquet import read_positions
from space_sql.storage.records import RecordFiles
from tests.concurrency.scratch import scratch_folder
from tests.concurrency.sql import call, call_sql, kind_and_message

pytestmark = pytest.mark.property
LONG = bool(os.environ.get("SPACE_SQL_LONG"))


def examples(short: int) -> settings:
    return settings(
        max_examples=short * 60 if LONG else short,
        deadline=None,
        derandomize=not LONG,
        suppress_health_check=list(HealthCheck),
    )


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.sampled_from([0, -1, 2**31, 2**53, 2**63, 2**64 - 1, 1.5, 1e308])
    | st.text(max_size=8)
    | st.sampled_from(
        ["../x", "/etc/passwd", "data/../../x", "data/a\0b", "STRUCT(", "BIGINT[", "main", "records/a/b"]
    ),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=4), inside, max_size=3),
    max_leaves=6,
)
FRAGMENTS = (
    *"()[]{},;.*'\"=<>+-/%~|&!?:$#@\\ \n\t",
    *(
        "SELECT",
        "FROM",
        "WHERE",
        "x",
        "id",
        "1",
        "'a'",
        '"b"',
        "--",
        "/*",
        "*/",
        "AS",
        "IN",
        "(SELECT 1)",
        "NULL",
        "true",
    ),
    *(
        "lambda",
        "->",
        "CASE",
        "END",
        "UNION ALL",
        "DROP TABLE t",
        "$$",
        "$1",
        "?",
        "e'\\",
        "INTERVAL",
        "read_text('/etc/passwd')",
    ),
    *(
        "LIMIT 1",
        "ORDER BY 1",
        "COPY",
        "row_",
        "::INT",
        "WITH a AS",
        "EXISTS",
        "ü",
        "\u2028",
        "\x00",
        "PIVOT",
        "COLUMNS(*)",
    ),
)
SQL = st.lists(st.sampled_from(FRAGMENTS), max_size=9).map(" ".join) | st.text(max_size=12)


@pytest.fixture(scope="module")
def ds() -> Iterator[Path]:
    with scratch_folder() as where, space_sql.connect() as con:
        path = where / "ds"
        con.execute("SET VARIABLE space_sync = false")
        box = "{a: [range], b: '{}'::JSON}"
        source = f"SELECT range AS id, 'n' || range AS name, {box} AS box, ('r' || range)::BLOB AS r FROM range(9)"
        call(con, "space_create", path, source=source, primary_keys=["id"], record_fields=["r"])
        for n in range(20):
            call(con, "space_upsert", path, f"SELECT {n % 9} AS id, '{n}' AS name")
        call(con, "space_delete", path, "id = 3")
        call(con, "space_tag", path, "v1")
        call(con, "space_add_check", path, "c", "id >= 0")
        con.execute(f"CALL {call_sql('space_expire', path, versions=[2])}").fetchall()
        con.execute(f"CALL {call_sql('space_forget', path, 'id = 4')}").fetchall()
        con.execute(f"CALL {call_sql('space_compact', path)}").fetchall()
        for n in range(8):
            call(con, "space_append", path, f"SELECT {n + 100} AS id")
        yield path


@st.composite
def changed(draw: st.DrawFn, value: Any) -> Any:
    """A JSON value with a few places in it that are something else, gone or new."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        at, depth = value, draw(st.integers(0, 5))
        for _ in range(depth):
            inside = [v for v in (at.values() if isinstance(at, dict) else at) if isinstance(v, dict | list) and v]
            if not inside:
                break
            at = draw(st.sampled_from(inside))
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys:
            continue
        key = draw(st.sampled_from(keys))
        what = draw(st.integers(0, 5))
        if what == 0:
            del at[key]
        elif what == 1 and isinstance(at, dict):
            at[draw(st.text(max_size=5))] = at.pop(key)
        else:
            at[key] = draw(JSON)
    return value


def clear(act: Callable[[], object]) -> object:
    """What it gives; a SpaceError is one, any other exception fails."""
    try:
        return act()
    except SpaceError as error:
        return None if error.line else error


def entries(path: Path) -> list[dict[str, Any]]:
    found = [orjson.loads((path / entry_path(i)).read_bytes()) for i in range(36) if (path / entry_path(i)).exists()]
    for members in found:
        del members["checksum"]
    return found


@examples(150)
@given(data=st.data())
def test_an_entry_of_a_stranger_is_read_or_refused(ds: Path, data: st.DataObject) -> None:
    whole = entries(ds)
    members = data.draw(changed(data.draw(st.sampled_from(whole))))
    try:
        raw = signed(members) if isinstance(members, dict) else orjson.dumps(members)
    except TypeError:
        return  # an integer that JSON does not take
    commit = clear(lambda: Commit.decode(raw, "entry"))
    if isinstance(commit, Commit):
        state = first_state(Commit.decode(signed(whole[0]), "first"))
        clear(lambda: state.apply(commit))
        clear(lambda: NO_REFS.apply(commit))
        clear(lambda: commit.encode())


@examples(12)
@given(data=st.data())
def test_a_dataset_with_an_entry_of_a_stranger_is_read_or_refused(ds: Path, data: st.DataObject) -> None:
    """Through SQL, where every statement is one line of result or error."""
    whole = entries(ds)
    number = data.draw(st.integers(0, len(whole) - 1))
    members = data.draw(changed(whole[number]))
    if not isinstance(members, dict):
        return
    file = ds / entry_path(number)
    kept = file.read_bytes()
    try:
        file.write_bytes(signed(members))
    except TypeError:
        return
    try:
        with space_sql.connect() as con:
            for statement in (
                f"FROM {call_sql('space_scan', ds)}",
                f"FROM {call_sql('space_changes', ds, '0', 'main')}",
                f"FROM {call_sql('space_snapshots', ds)}",
                f"FROM {call_sql('space_schema', ds)}",
                f"FROM {call_sql('space_files', ds)}",
                f"FROM {call_sql('space_info', ds)}",
                f"FROM {call_sql('space_verify', ds, deep=True)}",
            ):
                try:
                    con.execute(statement).fetchall()
                except duckdb.Error as error:
                    assert "Traceback" not in str(error)  # noqa: PT017 - either is right
                    assert "internal: " not in str(error), f"{statement}: {error}"  # noqa: PT017 - either is right
    finally:
        file.write_bytes(kept)


@examples(100)
@given(raw=st.binary(max_size=200) | JSON.map(orjson.dumps), flip=st.integers(0, 2**32))
def test_any_bytes_are_no_commit_no_checkpoint_no_marker(ds: Path, raw: bytes, flip: int) -> None:
    clear(lambda: Commit.decode(raw, "entry"))
    assert cp.decode(raw) is None
    chosen = random.Random(flip)
    entry = bytearray((ds / entry_path(chosen.randrange(20))).read_bytes())
    entry[chosen.randrange(len(entry))] ^= 1 << chosen.randrange(8)
    assert clear(lambda: Commit.decode(bytes(entry), "entry")) is None
    with scratch_folder() as where:
        (where / MARKER).write_bytes(raw)
        clear(Dataset(where).check)


@examples(60)
@given(data=st.data())
def test_a_checkpoint_of_a_stranger_is_read_or_refused(ds: Path, data: st.DataObject) -> None:
    file = next((ds / "log").glob("*.checkpoint.parquet"))
    table = pq.read_table(file)
    rows = table.to_pylist()
    row = data.draw(st.sampled_from(rows))
    what = data.draw(st.sampled_from(["payload", "kind", "id", "heads", "key"]))
    if what == "payload":
        row["payload"] = orjson.dumps(data.draw(changed(orjson.loads(row["payload"])))).decode()
    elif what == "kind":
        row["kind"] = data.draw(st.sampled_from(["meta", "head", "file", "history", "x"]))
    elif what == "id":
        row["id"] = data.draw(st.integers(-(2**63), 2**63 - 1))
    elif what == "heads":
        row["heads"] = data.draw(st.none() | st.lists(st.integers(-1, 50), max_size=2))
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, table.schema, store_schema=False) as writer:
        writer.write_table(pa.Table.from_pylist(rows, schema=table.schema))
        writer.add_key_value_metadata({"space.sha256": "0" * 64})
    read = cp.decode(cp._signed(bytes(sink.getvalue())))
    if read is not None:
        for part in ("refs", "states", "history", "keys"):
            clear(lambda part=part: getattr(read, part))


@examples(60)
@given(raw=st.binary(max_size=100), flip=st.integers(0, 2**32))
def test_any_bytes_are_no_deleted_positions(ds: Path, raw: bytes, flip: int) -> None:
    chosen = random.Random(flip)
    whole = sorted((ds / "deletes").iterdir())[0].read_bytes()
    damaged = bytearray(whole)
    for _ in range(chosen.randrange(1, 4)):
        damaged[chosen.randrange(len(damaged))] ^= 1 << chosen.randrange(8)
    with scratch_folder() as where:
        (where / "deletes").mkdir()
        for content in (raw, bytes(damaged), whole[: chosen.randrange(len(whole))]):
            (where / "deletes/x.parquet").write_bytes(content)
            clear(lambda: read_positions(where, [DeleteFile("deletes/x.parquet", 1, 1, {1: 1}, "delete")]))


@examples(150)
@given(
    text=st.text(max_size=30)
    | st.from_regex(r"[0-9~a-z./-]{0,12}")
    | st.sampled_from(["9" * 5000, "main~" + "9" * 5000])
)
def test_any_version_name_or_path_is_found_or_refused(ds: Path, text: str) -> None:
    view = open_dataset(str(ds)).view()
    clear(lambda: view.resolve(text))
    clear(lambda: check_ref(text, "tag"))
    clear(lambda: parse_type(text))
    found = clear(lambda: checked(text))
    if found is not None:
        inside = os.path.normpath(ds / str(found))
        assert inside == str(ds) or inside.startswith(f"{ds}/")
    clear(lambda: record_path(text))
    if "\x00" not in text:
        clear(lambda: folder(text))


@examples(80)
@given(
    file=st.sampled_from(["real", "records/a/../../x", "/etc/passwd", "", None]) | st.text(max_size=10),
    row=st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 12),
    length=st.none() | st.integers(-(2**63), 2**63 - 1),
)
def test_any_record_address_is_read_or_refused(ds: Path, file: Any, row: int, length: int | None) -> None:
    real = next((ds / "records").rglob("*.array_record")).relative_to(ds).as_posix()
    files = RecordFiles(ds)
    name = real if file == "real" else file
    clear(lambda: files.read(name, row, length))
    clear(lambda: files.read_many([name, real], [row, 0], [length or 0, 2]))


@examples(250)
@given(text=SQL)
def test_sql_text_is_one_expression_one_query_or_refused(ds: Path, text: str) -> None:
    predicate, source = clear(lambda: predicate_sql(text)), clear(lambda: source_query(text))
    schema = open_dataset(str(ds)).view().state(0).schema
    assigned = clear(lambda: assignments_sql(text, schema))
    with cursor() as con:
        if predicate is not None:
            assert len(con.extract_statements(f"SELECT 1 FROM t WHERE {predicate}")) == 1, text
        if source is not None:
            assert len(con.extract_statements(f"SELECT 1 FROM {source}")) == 1, text
        for value in assigned.values() if isinstance(assigned, dict) else ():
            assert len(con.extract_statements(f"SELECT {value} AS x")) == 1, text


@examples(12)
@given(text=SQL)
def test_any_predicate_in_a_write_gives_one_line_and_no_more(ds: Path, text: str) -> None:
    path = ds
    with space_sql.connect() as con:
        before = con.execute(f"SELECT max(snapshot_id) FROM {call_sql('space_snapshots', path)}").fetchall()
        for function in ("space_delete", "space_add_check"):
            arguments = ("nobody and nothing", text) if function == "space_add_check" else (f"({text}) AND false",)
            try:
                con.execute(f"CALL {call_sql(function, path, *arguments)}").fetchall()
            except duckdb.Error as error:
                assert "internal: " not in str(error), f"{text!r}: {error}"  # noqa: PT017 - either is right
                if "invalid-input" in str(error):
                    kind_and_message(error)
            else:
                if function == "space_add_check":
                    con.execute(f"CALL {call_sql('space_drop_check', path, arguments[0])}")
        if "nobody" not in text:
            assert before is not None
