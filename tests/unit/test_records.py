"""Records: how many a query reads, what damage looks like, large ones, threads and forks."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

import space_sql
from space_sql.errors import FormatError, NotFoundError, ReadOnlyError, SpaceError
from space_sql.format.records import RecordOptions
from space_sql.storage.records import RecordFiles, RecordWriter

ROWS = 20_000
ONE_FIVE = duckdb.__version__.startswith("1.")


@pytest.fixture
def con(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[duckdb.DuckDBPyConnection]:
    monkeypatch.chdir(tmp_path)
    with space_sql.connect() as con:
        con.execute("SET VARIABLE space_sync = false")
        yield con


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many records each call read."""
    counts: list[int] = []
    original = RecordFiles.read_many

    def counting(self: RecordFiles, files: Any, rows: Any, lengths: Any = None) -> Any:
        counts.append(sum(row is not None for row in rows))
        return original(self, files, rows, lengths)

    monkeypatch.setattr(RecordFiles, "read_many", counting)
    return counts


LAZY = {
    "SELECT count(*) FROM ds": 0,
    "SELECT label, count(*), max(score) FROM ds GROUP BY label": 0,
    "SELECT id FROM ds WHERE label = 3": 0,
    "SELECT image FROM ds WHERE score > 2": 0,
    "SELECT * FROM ds WHERE id = 77": 1,
    "SELECT * FROM ds WHERE id IN (5, 6, 7)": 3,
    "SELECT image FROM ds WHERE label = 3 LIMIT 7": 7,
    "SELECT id, image FROM ds LIMIT 3 OFFSET 15000": 3,
    "SELECT * FROM ds ORDER BY score LIMIT 5": 5,
    "SELECT image FROM ds ORDER BY score DESC LIMIT 5 OFFSET 10": 5,
    "SELECT * FROM (SELECT * FROM ds ORDER BY id) LIMIT 5": 5,
    "SELECT * FROM ds USING SAMPLE 10 ROWS": 10,
    "WITH t AS MATERIALIZED (SELECT * FROM ds WHERE label = 2) SELECT image FROM t WHERE id < 100": 10,
    "SELECT image FROM ds JOIN keys USING (id)": 20,
    "SELECT image FROM ds WHERE id IN (SELECT id FROM keys)": 20,
    "SELECT d.image, n FROM keys LEFT JOIN ds AS d USING (id)": 20,
    "SELECT octet_length(image) FROM ds WHERE octet_length(image) > 0 AND id < 10": 20,  # in the filter, and after it
    "SELECT sum(image.bytes) FROM addresses": 0,
    "SELECT count(*) FROM addresses WHERE image IS NOT NULL AND image.bytes > 3": 0,
    "SELECT space_record('ds', image) FROM (SELECT * FROM addresses USING SAMPLE 20 ROWS)": 20,
    "SELECT space_record('ds', image) FROM addresses JOIN keys USING (id)": 20,
}


@pytest.fixture
def many(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    fill(con)
    return con


def fill(con: duckdb.DuckDBPyConnection) -> None:
    """The dataset of LAZY, with what its queries name."""
    con.execute(
        f"""CALL space_create('ds', source => 'SELECT range AS id, range % 10 AS label, hash(range) / 1e19 AS score,
        (''image '' || range)::BLOB AS image FROM range({ROWS})', primary_keys => ['id'], record_fields => ['image'])"""
    )
    con.execute("CREATE TEMP VIEW ds AS FROM space_scan('ds')")
    con.execute("CREATE TEMP VIEW addresses AS FROM space_scan('ds', records => 'address')")
    con.execute("CREATE TABLE keys AS SELECT range * 3 + 100 AS id, 'n' || range AS n FROM range(20)")


def test_a_query_reads_the_records_of_the_rows_that_are_left(many: duckdb.DuckDBPyConnection, read: list[int]) -> None:
    check_lazy(many, read)


def check_lazy(con: duckdb.DuckDBPyConnection, read: list[int]) -> None:
    """Count the records that each query reads."""
    found = {}
    for query in LAZY:
        read.clear()
        con.execute(query).fetchall()
        found[query] = sum(read)
    joins = {query for query in LAZY if "keys" in query and "addresses" not in query}
    if ONE_FIVE:  # a join passes on the bounds of its keys only: at most the rows between them are read
        assert all(LAZY[query] <= found[query] <= 58 for query in joins)
        assert {q: n for q, n in found.items() if q not in joins} == {q: n for q, n in LAZY.items() if q not in joins}
    else:
        assert found == LAZY


def test_a_write_reads_no_record_that_it_does_not_need(many: duckdb.DuckDBPyConnection, read: list[int]) -> None:
    for write in (
        "CALL space_update('ds', 'label = 11', 'id < 100')",
        "CALL space_delete('ds', 'id >= 19000')",
        "CALL space_upsert('ds', 'SELECT 1 AS id, 12 AS label')",
        "CALL space_upsert('ds', 'SELECT 2 AS id, ''image 2''::BLOB AS image')",
        "CALL space_update('ds', 'image = ''new''::BLOB', 'id = 3')",
        "CALL space_compact('ds')",
        "CALL space_restore('ds', '1')",
    ):
        many.execute(write).fetchall()
        assert sum(read) == 0, write
    many.execute("SELECT diff_type, from_label FROM space_diff('ds', '0', '1')").fetchall()
    assert sum(read) == 0
    rows = many.execute("SELECT from_id, from_image FROM space_diff('ds', '0', '1')").fetchall()
    assert (len(rows), sum(read)) == (100, 100)


def record_file(folder: str = "ds") -> Path:
    (path,) = Path(folder).glob("records/*/*")
    return path


def small(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "CALL space_create('ds', source => 'SELECT range AS id, repeat(''x'', 5000)::BLOB AS image FROM range(50)', "
        "primary_keys => ['id'], record_fields => ['image'], record_options => {image: {compression: 'none'}})"
    )


def test_a_missing_record_file_is_named(con: duckdb.DuckDBPyConnection) -> None:
    small(con)
    path = record_file().rename("elsewhere")
    with pytest.raises(duckdb.Error, match=r"not-found: record file .*/ds/records/image-2/.*array_record is missing"):
        con.execute("FROM space_scan('ds')").fetchall()
    assert con.execute("SELECT count(id) FROM space_scan('ds')").fetchall() == [(50,)]
    path.rename("kept")


@pytest.mark.parametrize("kept", [0, 100, 65536, 100_000])
def test_a_truncated_record_file_is_named(con: duckdb.DuckDBPyConnection, kept: int) -> None:
    small(con)
    os.truncate(record_file(), kept)
    with pytest.raises(duckdb.Error, match=r"format: record file .*array_record is damaged .*restore it from a copy"):
        con.execute("FROM space_scan('ds')").fetchall()


def test_a_record_with_a_flipped_bit_is_never_shown(con: duckdb.DuckDBPyConnection) -> None:
    small(con)
    raw = bytearray(record_file().read_bytes())
    at = raw.index(b"x" * 100) + 50
    raw[at] ^= 1
    record_file().write_bytes(raw)
    with pytest.raises(duckdb.Error, match=r"format: record file .*array_record is damaged"):
        con.execute("FROM space_scan('ds')").fetchall()


def test_an_address_beyond_the_file_of_another_length_or_outside_of_the_folder_is_refused(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path, "image-2", RecordOptions())
    file, row = writer.append(b"one")
    writer.close(sync=True)
    records = RecordFiles(tmp_path)
    assert records.read(file, row, 3) == b"one"
    assert records.count(file) == 1
    for address, text in {
        (file, 1, 3): "has 1 records, and no row 1",
        (file, -1, 3): "no row -1",
        (file, 0, 4): "has 3 bytes, its address says 4",
        ("../secret", 0, 3): "is not the path of a record file",
        ("records/../../x/00000000-0000-0000-0000-000000000000.array_record", 0, 3): "is not the path",
        ("/etc/passwd", 0, 3): "is not the path",
    }.items():
        with pytest.raises(FormatError, match=text):
            records.read(*address)
    with pytest.raises(NotFoundError, match="is missing"):
        records.read("records/image-2/00000000-0000-0000-0000-000000000000.array_record", 0)


def test_a_link_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path / "a", "image-2", RecordOptions())
    file, _ = writer.append(b"secret")
    writer.close(sync=False)
    (tmp_path / "b/records/image-2").mkdir(parents=True)
    (tmp_path / "b" / file).symlink_to(tmp_path / "a" / file)
    with pytest.raises(FormatError, match="is a link that leaves the dataset's folder"):
        RecordFiles(tmp_path / "b").read(file, 0)


def test_records_are_read_in_any_order_by_threads_and_forks(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path, "r-1", RecordOptions(), file_bytes=100_000)
    values = [bytes([i % 251]) * (i * 7 % 4000) for i in range(500)]
    places = [writer.append(value) for value in values]
    assert len(writer.close(sync=False)) > 5
    order = [i * 37 % 500 for i in range(700)]
    files, rows = [places[i][0] for i in order], [places[i][1] for i in order]
    failures: list[int] = []

    def work() -> None:
        records = RecordFiles(tmp_path)
        if records.read_many(files, rows) != [values[i] for i in order]:
            failures.append(1)
        if any(records.read(*places[i]) != values[i] for i in order[:100]):
            failures.append(2)

    work()
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    child = os.fork()
    if child == 0:
        work()
        os._exit(len(failures))
    assert os.waitpid(child, 0)[1] == 0
    assert not failures


def test_no_more_readers_stay_open_than_promised(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path, "r-1", RecordOptions(), file_bytes=1)
    places = [writer.append(b"%d" % i) for i in range(150)]
    writer.close(sync=False)
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    records = RecordFiles(tmp_path)
    assert [records.read(*place) for place in places] == [b"%d" % i for i in range(150)]
    after = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    assert after - before <= 70


def test_records_of_all_lengths_come_back(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    sizes = [0, 1, 65_535, 65_536, 1_000_000, 5_000_000]
    table = pa.table({"id": range(len(sizes)), "image": pa.array([os.urandom(n) for n in sizes], pa.large_binary())})
    con.register("source", table)
    con.execute("CALL space_create('ds', source => 'source', primary_keys => ['id'], record_fields => ['image'])")
    found = con.execute("SELECT id, image FROM space_scan('ds') ORDER BY id").fetchall()
    assert found == list(zip(table["id"].to_pylist(), table["image"].to_pylist(), strict=True))


@pytest.mark.slow
def test_a_record_has_at_most_256_mebibytes(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    for name, size in (("most", 256 << 20), ("more", (256 << 20) + 1)):
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
    con.execute("CALL space_create('ds', columns => 'id INT, r BLOB', primary_keys => ['id'], record_fields => ['r'])")
    con.execute("CALL space_append('ds', 'SELECT 1 AS id, space_file(''most'') AS r')")
    assert con.execute("SELECT octet_length(r) FROM space_scan('ds')").fetchall() == [(256 << 20,)]
    with pytest.raises(duckdb.Error, match=r'invalid-input: column "r": a record has 268,435,457 bytes; the most is'):
        con.execute("CALL space_append('ds', 'SELECT 2 AS id, space_file(''more'') AS r')")
    assert len(list(Path("ds").glob("records/*/*"))) == 1


def test_a_data_file_of_large_records_has_small_row_groups(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    with (tmp_path / "large").open("wb") as file:
        file.truncate(16 << 20)
    con.execute(
        "CALL space_create('ds', source => 'SELECT range AS id, space_file(''large'') AS r FROM range(70)', "
        "primary_keys => ['id'], record_fields => ['r'])"
    )
    (path,) = Path("ds/data").iterdir()
    assert pq.ParquetFile(path).metadata.row_group(0).num_rows == 32
    assert con.execute("SELECT octet_length(r) FROM space_scan('ds') LIMIT 1").fetchall() == [(16 << 20,)]


@pytest.mark.parametrize("options", [RecordOptions(), RecordOptions(7, "snappy"), RecordOptions(1, "none")])
def test_a_writer_that_is_stopped_leaves_nothing(tmp_path: Path, options: RecordOptions) -> None:
    writer = RecordWriter(tmp_path, "r-1", options, file_bytes=1000)
    for _ in range(30):
        writer.append(b"x" * 100)
    writer.abort()
    assert not list(tmp_path.glob("records/*/*"))


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "records").write_text("in the way")
    writer = RecordWriter(tmp_path, "r-1", RecordOptions())
    with pytest.raises(SpaceError) as error:
        writer.append(b"x")
    assert str(tmp_path) in str(error.value)
    assert not isinstance(error.value, ReadOnlyError)


def test_a_data_frame_and_read_blob_are_sources(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    con.register("frame", pd.DataFrame({"id": [1, 2], "image": [b"\x00\xff", None]}))
    con.execute("CALL space_create('ds', source => 'frame', primary_keys => ['id'], record_fields => ['image'])")
    (tmp_path / "3.png").write_bytes(b"\x89PNG")
    con.execute(
        "CALL space_append('ds', 'SELECT parse_filename(filename, true)::INT AS id, content AS image "
        "FROM read_blob(''*.png'')')"
    )
    con.execute("COPY (SELECT 4 AS id, 'parquet'::BLOB AS image) TO 'four.parquet'")
    con.execute("CALL space_append('ds', 'FROM read_parquet(''four.parquet'')')")
    found = con.execute("FROM space_scan('ds') ORDER BY id").fetchall()
    assert found == [(1, b"\x00\xff"), (2, None), (3, b"\x89PNG"), (4, b"parquet")]


def test_verification_finds_damaged_and_missing_records(con: duckdb.DuckDBPyConnection) -> None:
    small(con)
    path = record_file()
    whole = path.read_bytes()
    raw = bytearray(whole)
    raw[raw.index(b"x" * 100) + 50] ^= 1
    path.write_bytes(raw)
    ((kind, file, finding),) = con.execute(
        "SELECT kind, file, finding FROM space_verify('ds', deep => true)"
    ).fetchall()
    assert (kind, "ds/" + file) == ("record-file", str(path))
    assert "is damaged" in finding
    path.write_bytes(whole[:-1])
    assert con.execute("SELECT kind FROM space_verify('ds')").fetchall() == [("wrong-size",)]
    path.unlink()
    assert con.execute("SELECT kind, file FROM space_verify('ds')").fetchall() == [
        ("missing-file", str(path.relative_to("ds")))
    ]


APPEND = """
import re, space_sql
con = space_sql.connect()
con.execute("SET VARIABLE space_sync = false")
con.execute("SET threads = 2")
con.execute("CALL space_create('ds', columns => 'id BIGINT, r BLOB', primary_keys => ['id'], record_fields => ['r'])")
rows = "SELECT range AS id, repeat(md5(range::VARCHAR), 512)::BLOB AS r FROM range(60000)"
con.execute("CALL space_append('ds', ?)", [rows])
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) >> 10)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="memory is read from /proc")
def test_a_gigabyte_of_records_is_appended_in_bounded_memory(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", APPEND],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout.split()[-1]) < 700
