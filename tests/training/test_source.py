"""open_dataset: the rows of a version as a sequence."""

from __future__ import annotations

import io
import os
import pickle
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import space_sql
from space_sql.errors import FormatError, InvalidInputError, NotFoundError, SpaceError
from space_sql.training import open_dataset
from tests.training import scans

LONG = bool(os.environ.get("SPACE_SQL_LONG"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    scans.make(tmp_path / "scans", 60).close()
    return tmp_path / "scans"


def rows_in_sql(path: Path, tail: str) -> list[dict[str, object]]:
    with space_sql.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        cursor = con.execute(f"SELECT * FROM space_scan('{path}') {tail}")
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def test_every_row_has_the_values_that_sql_shows(path: Path) -> None:
    source = open_dataset(path, order_by="id")
    assert source[:] == rows_in_sql(path, "ORDER BY id")
    assert list(source) == source[:]


def test_rows_come_in_the_order_asked_with_repeats_and_from_the_end(path: Path) -> None:
    source = open_dataset(path)
    everything = source[:]
    asked = [5, 2, 5, -1, 0, -len(source)]
    assert source[asked] == [everything[number] for number in asked]
    assert source.__getitems__(asked) == source[asked] == source[np.array(asked)]  # type: ignore[call-overload]
    assert source[7] == everything[7] == source[np.int64(7)]
    assert source[10:4:-3] == everything[10:4:-3]
    assert source[[]] == []
    assert source.take(asked)["id"] == [everything[number]["id"] for number in asked]


def test_a_number_that_is_no_row_is_an_error(path: Path) -> None:
    source = open_dataset(path)
    for wrong in (len(source), -len(source) - 1):
        with pytest.raises(IndexError, match=f"row {wrong} of {len(source)}"):
            source[wrong]
    with pytest.raises(TypeError):
        source[1.5]  # type: ignore[call-overload]


def test_columns_where_and_order_are_sql(path: Path) -> None:
    source = open_dataset(path, columns=["score", "ID"], where="label = 9 AND image.bytes > 3", order_by="score DESC")
    assert source.columns == ("score", "id")
    wanted = rows_in_sql(path, "WHERE label = 9 AND octet_length(image) > 3 ORDER BY score DESC NULLS LAST, id")
    assert [row["id"] for row in source] == [row["id"] for row in wanted]


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"version": "v7"}, NotFoundError, 'no version "v7"'),
        ({"columns": ["lable"]}, NotFoundError, 'no column "lable". Did you mean "label"?'),
        ({"columns": []}, InvalidInputError, "columns is empty"),
        ({"columns": ["id", "ID"]}, InvalidInputError, "a column is named twice"),
        ({"where": "random() < 1"}, InvalidInputError, "cannot use random"),
        ({"where": "true) OR (true"}, InvalidInputError, "does not parse"),
        ({"where": "lable = 1"}, NotFoundError, 'no column "lable". Did you mean "label"? Columns: id, label'),
        ({"order_by": "now()"}, InvalidInputError, "order_by cannot use now"),
        ({"decode": {"image": "imag"}}, InvalidInputError, 'no decoder "imag". Did you mean "image"?'),
        ({"decode": {"picture": "image"}}, InvalidInputError, 'decode names "picture", which is not read'),
    ],
)
def test_a_wrong_argument_says_what_is_wrong(
    path: Path, arguments: dict[str, object], kind: type[SpaceError], message: str
) -> None:
    with pytest.raises(kind) as caught:
        open_dataset(path, **arguments)  # type: ignore[arg-type]
    assert message in caught.value.line


def test_a_missing_dataset_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no dataset at"):
        open_dataset(tmp_path / "nowhere")


def test_what_is_written_later_changes_nothing(path: Path) -> None:
    source = open_dataset(path)
    before, fingerprint = source[:], source.fingerprint
    with space_sql.connect() as con:
        con.execute(f"CALL space_update('{path}', 'label = 1, image = NULL', 'true')")
        con.execute(f"CALL space_compact('{path}')")
        con.execute(f"CALL space_delete('{path}', 'true')")
    assert source[:] == before
    assert pickle.loads(pickle.dumps(source))[:] == before
    assert source.fingerprint == fingerprint == open_dataset(path, version=source.snapshot_id).fingerprint
    assert len(open_dataset(path)) == 0


def test_a_fingerprint_tells_version_and_query(path: Path) -> None:
    fingerprint = open_dataset(path).fingerprint
    assert set(fingerprint) == {"dataset_id", "snapshot_id", "columns", "where", "order_by", "sha256"}
    others = [
        open_dataset(path, columns=["id"]),
        open_dataset(path, where="id > 1"),
        open_dataset(path, order_by="id"),
        open_dataset(path, version="main~1"),
    ]
    assert len({fingerprint["sha256"], *(other.fingerprint["sha256"] for other in others)}) == 5
    shutil.copytree(path, path.parent / "copy")
    assert open_dataset(path.parent / "copy").fingerprint == fingerprint


def test_a_pickle_is_small(path: Path, tmp_path: Path) -> None:
    scans.make(tmp_path / "large", 5000, changes=False).close()
    assert len(pickle.dumps(open_dataset(tmp_path / "large"))) < 1000


_OTHERS = """
import multiprocessing, sys
from space_sql.training import open_dataset

NUMBERS = [3, 1, 40, 3]

def ids(source):
    return [row["id"] for row in source[NUMBERS]]

if __name__ == "__main__":
    source = open_dataset(sys.argv[1])
    assert source[0]
    with multiprocessing.get_context(sys.argv[2]).Pool(2) as pool:
        found = pool.map(ids, [source] * 4)
    assert found == [ids(source)] * 4
"""


@pytest.mark.parametrize("way", ["fork", "spawn"])
@pytest.mark.parametrize("compression", ["none", "snappy", "brotli"])
def test_other_processes_read_it(compression: str, tmp_path: Path, way: str) -> None:
    """Out of a process that has read it."""
    path = tmp_path / "ds"
    with space_sql.connect() as con:
        con.execute(
            f"CALL space_create('{path}', primary_keys => ['id'], record_fields => ['r'], "
            f"record_options => {{r: {{compression: '{compression}'}}}}, "
            "source => 'SELECT range AS id, repeat(''x'', 100)::BLOB AS r FROM range(100)')"
        )
    program = tmp_path / "program.py"
    program.write_text(_OTHERS)
    command = [sys.executable, str(program), str(path), way]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_threads_read_it_at_once(path: Path) -> None:
    source = open_dataset(path)
    wanted = source[:]
    wrong: list[int] = []

    def read(seed: int) -> None:
        numbers = np.random.default_rng(seed).integers(0, len(source), 200).tolist()
        if source[numbers] != [wanted[number] for number in numbers]:
            wrong.append(seed)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_arrow_pandas_and_duckdb_read_it(path: Path) -> None:
    source = open_dataset(path, columns=["id", "image", "note", "score"], order_by="id")
    table = pa.table(source)
    assert table.to_pylist() == source[:]
    assert [str(field.type) for field in table.schema] == ["int64", "large_binary", "large_string", "double"]
    frame = table.to_pandas()
    assert isinstance(frame, pd.DataFrame)
    assert frame["id"].tolist() == [row["id"] for row in source]
    reader = source.reader(batch_rows=7)
    sizes = [batch.num_rows for batch in reader]
    assert sum(sizes) == len(source)
    assert set(sizes[:-1]) == {7}


# -- decoding ------------------------------------------------------------------------------------


def _array(values: object) -> bytes:
    file = io.BytesIO()
    np.save(file, np.asarray(values), allow_pickle=True)
    return file.getvalue()


@pytest.fixture
def arrays(tmp_path: Path) -> Path:
    path = tmp_path / "arrays"
    Image = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4)).save(file, "PNG")
    rows = pa.table(
        {
            "id": [1, 2, 3],
            "image": [file.getvalue(), None, file.getvalue()],
            "vector": [_array([1.5, 2.5]), _array([]), _array({"a": object})],
            "box": ['{"x": 1}', "[1, 2]", "null"],
        }
    )
    with space_sql.connect() as con:
        con.register("rows", rows)
        con.execute(
            f"CALL space_create('{path}', primary_keys => ['id'], source => 'rows', "
            "record_fields => ['image', 'vector', 'box'], record_options => "
            "{image: {decode: 'image'}, vector: {decode: 'numpy'}, box: {decode: 'json'}})"
        )
    return path


def test_fields_are_decoded_as_the_dataset_says(arrays: Path) -> None:
    first, second = open_dataset(arrays, order_by="id", decode=True)[:2]
    assert first["image"].tolist() == np.arange(12).reshape(3, 4).tolist()
    assert first["vector"].tolist() == [1.5, 2.5]
    assert first["box"] == {"x": 1}
    assert second["image"] is None
    assert second["box"] == [1, 2]


def test_without_decode_records_are_bytes(arrays: Path) -> None:
    row = open_dataset(arrays, order_by="id")[0]
    assert row["image"].startswith(b"\x89PNG")
    assert row["box"] == '{"x": 1}'


def test_a_caller_decodes_by_functions_of_its_own(arrays: Path) -> None:
    source = open_dataset(arrays, columns=["id", "box"], decode={"BOX": len, "id": str}, order_by="id")
    assert source[0] == {"id": "1", "box": 8}


def test_a_pickled_object_is_refused_and_the_error_names_key_and_file(arrays: Path) -> None:
    source = open_dataset(arrays, order_by="id", decode=True)
    with pytest.raises(FormatError) as caught:
        source[2]
    assert '"vector" of the row id = 3' in caught.value.line
    assert "records/vector-3/" in caught.value.line
    assert "cannot be decoded by numpy" in caught.value.line
    assert "pickled" in caught.value.line


def test_a_decoder_that_does_not_exist_is_refused_where_it_is_named(tmp_path: Path) -> None:
    create = f"CALL space_create('{tmp_path / 'ds'}', primary_keys => ['id'], columns => 'id INT, a BLOB, t VARCHAR', "
    with space_sql.connect() as con:
        with pytest.raises(Exception, match="decode is image, numpy, json, tfds, not pickle"):
            con.execute(create + "record_fields => ['a'], record_options => {a: {decode: 'pickle'}})")
        with pytest.raises(Exception, match="decode image is for BLOB, not for VARCHAR"):
            con.execute(create + "record_fields => ['t'], record_options => {t: {decode: 'image'}})")


# -- what goes wrong -------------------------------------------------------------------------------


def test_a_missing_record_file_is_an_error_of_one_line(path: Path) -> None:
    source = open_dataset(path)
    for file in path.rglob("*.array_record"):
        file.unlink()
    fresh = pickle.loads(pickle.dumps(source))
    with pytest.raises(NotFoundError, match=r"record file .* is missing; restore it from a copy"):
        fresh[:]


def test_a_damaged_record_file_is_an_error_of_one_line(path: Path) -> None:
    source = open_dataset(path)
    for file in path.rglob("*.array_record"):
        file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(FormatError, match="is damaged"):
        source[:]


def test_a_tagged_version_outlives_expiry_and_another_is_said_to_be_gone(path: Path) -> None:
    with space_sql.connect() as con:
        con.execute(f"CALL space_tag('{path}', 'v1')")
        con.execute(f"CALL space_update('{path}', 'image = ''second''::BLOB', 'true')")
        tagged, lost = open_dataset(path, version="v1"), open_dataset(path)
        before = tagged[:]
        con.execute(f"CALL space_update('{path}', 'image = ''third''::BLOB', 'true')")
        con.execute(f"CALL space_expire('{path}', keep_last => 1)")
        con.execute(f"CALL space_vacuum('{path}', older_than => INTERVAL 0 SECONDS)")
    assert tagged[:] == pickle.loads(pickle.dumps(tagged))[:] == before
    for source in (lost, pickle.loads(pickle.dumps(lost))):
        with pytest.raises(NotFoundError) as caught:
            source[:]
        assert f"snapshot {lost.snapshot_id} of {path} cannot be read any more" in caught.value.line
        assert "tag the version that you train on" in caught.value.line


def test_memory_stays_flat_over_a_long_training(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    with space_sql.connect() as con:
        con.execute(
            f"CALL space_create('{tmp_path / 'ds'}', primary_keys => ['id'], record_fields => ['image'], "
            "source => 'SELECT range AS id, repeat(''x'', 65536)::BLOB AS image FROM range(400)')"
        )
    source = open_dataset(tmp_path / "ds")
    peak = []
    for number in range(400 if LONG else 40):  # ten gigabytes, or one
        for batch in source.epoch(number).batches(32):
            assert len(source[batch]) == len(batch)
        peak.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert peak[-1] - peak[4] < 32 << 10  # KiB


def test_a_version_that_went_away_is_said_to_be(path: Path) -> None:
    source = open_dataset(path)
    packed = pickle.dumps(source)
    shutil.rmtree(path)
    with pytest.raises(NotFoundError, match=r"snapshot \d+ of .* cannot be read any more .*: tag the version"):
        pickle.loads(packed)[0]
    scans.make(path, 9).close()
    with pytest.raises(NotFoundError, match="is another dataset than the one that was opened"):
        pickle.loads(packed)[0]
