"""What needs Python: data frames as sources, cursors, threads, several databases, and what a process leaves behind."""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

import space_sql

ROOT = Path(__file__).parents[2]
Connection = duckdb.DuckDBPyConnection


@pytest.fixture
def con(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    monkeypatch.chdir(tmp_path)
    with space_sql.connect() as con:
        yield con


def rows(con: Connection, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
    return con.execute(sql, parameters).fetchall()


def create(con: Connection, path: str = "ds") -> None:
    rows(con, f"CALL space_create('{path}', columns => 'id BIGINT, label VARCHAR', primary_keys => ['id'])")


def count(con: Connection, path: str = "ds") -> int:
    return int(rows(con, f"SELECT count(*) FROM space_scan('{path}')")[0][0])


# -- sources ------------------------------------------------------------------------------------


def test_a_data_frame_is_a_source_by_its_variable_name(con: Connection) -> None:
    create(con)
    frame = pd.DataFrame({"id": [1, 2], "label": ["cat", None]})
    assert con.execute("CALL space_append('ds', 'frame')").fetchall() == [(1, "append", 2, 0, 0)]
    assert con.execute("CALL space_upsert('ds', 'SELECT id + 1 AS id, label FROM frame')").fetchall() == [
        (2, "upsert", 1, 1, 0)
    ]
    assert rows(con, "FROM space_scan('ds') ORDER BY id") == [(1, "cat"), (2, "cat"), (3, None)]
    assert len(frame) == 2


def test_an_arrow_table_is_a_source_by_its_variable_name(con: Connection) -> None:
    labels = pa.table({"id": [1, 2], "label": ["a", "b"], "list": [[1.5], None]})
    con.execute("CALL space_create('ds', source => 'labels', primary_keys => ['id'])").fetchall()
    assert rows(con, "FROM space_scan('ds') ORDER BY id") == [(1, "a", [1.5]), (2, "b", None)]
    assert len(labels) == 2


def test_a_record_batch_reader_is_read_once(con: Connection) -> None:
    create(con)
    batches = [pa.record_batch({"id": [i], "label": ["x"]}) for i in range(5)]
    reader = pa.RecordBatchReader.from_batches(batches[0].schema, batches)
    assert con.execute("CALL space_append('ds', 'reader')").fetchall() == [(1, "append", 5, 0, 0)]
    assert list(reader) == []


def test_a_relation_is_a_source_by_its_variable_name(con: Connection) -> None:
    create(con)
    relation = con.sql("SELECT range AS id, 'r' AS label FROM range(3)")
    assert con.execute("CALL space_append('ds', 'relation')").fetchall() == [(1, "append", 3, 0, 0)]
    assert relation.columns == ["id", "label"]


def test_a_registered_view_is_a_source(con: Connection) -> None:
    create(con)
    con.register("labelled", pd.DataFrame({"id": [7], "label": ["seven"]}))
    con.register("odd name; --", pa.table({"id": [8]}))
    con.execute("CALL space_append('ds', 'labelled')").fetchall()
    con.execute("CALL space_append('ds', '\"odd name; --\"')").fetchall()
    assert rows(con, "FROM space_scan('ds') ORDER BY id") == [(7, "seven"), (8, None)]


def test_a_predicate_sees_data_frames(con: Connection) -> None:
    create(con)
    con.execute("CALL space_append('ds', 'SELECT range AS id FROM range(5)')").fetchall()
    bad = pd.DataFrame({"id": [1, 3]})
    assert con.execute("CALL space_delete('ds', 'id IN (SELECT id FROM bad)')").fetchall() == [(2, "delete", 0, 0, 2)]
    assert len(bad) == 2


def test_a_python_function_of_the_connection_is_seen_by_a_source(con: Connection) -> None:
    create(con)
    con.create_function("shout", lambda text: text.upper(), ["VARCHAR"], "VARCHAR")
    con.execute("CALL space_append('ds', 'SELECT 1 AS id, shout(''cat'') AS label')").fetchall()
    rows(con, "CALL space_update('ds', 'label = shout(label || ''s'')', 'true')")
    assert rows(con, "FROM space_scan('ds')") == [(1, "CATS")]


@pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")
def test_a_frame_with_odd_column_names_loads(con: Connection) -> None:
    names = [
        "id",
        "s",
        "r",
        "path",
        "source",
        "filename",
        "file_index",
        "two words",
        "größe",
        'say "hi"',
        "a.b",
        "-- x",
    ]
    frame = pd.DataFrame([list(range(len(names)))], columns=names)
    con.execute("CALL space_create('ds', source => 'frame', primary_keys => ['id'])").fetchall()
    con.execute("CALL space_append('ds', 'frame')").fetchall()
    assert frame.columns.tolist() == names
    assert con.execute("FROM space_scan('ds')").df().columns.tolist() == names
    assert rows(con, "SELECT DISTINCT * FROM space_scan('ds')") == [tuple(range(len(names)))]


def test_a_source_that_reads_more_than_memory_holds_at_once_streams(con: Connection) -> None:
    create(con)
    source = "SELECT range AS id, repeat(''x'', 100) || range AS label FROM range(1000000)"
    assert rows(con, f"CALL space_append('ds', '{source}')") == [(1, "append", 1_000_000, 0, 0)]
    assert rows(con, "SELECT count(DISTINCT id), min(length(label)) FROM space_scan('ds')") == [(1_000_000, 101)]


# -- ways to call -------------------------------------------------------------------------------


def test_sql_with_call_runs_at_once_and_once(con: Connection) -> None:
    create(con)
    result = con.sql("CALL space_append('ds', 'SELECT 1 AS id')")
    assert count(con) == 1
    if result is not None:
        result.fetchall()
    assert count(con) == 1


@pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")
def test_execute_runs_once_however_the_result_is_fetched(con: Connection) -> None:
    create(con)
    fetches: list[Callable[[Connection], Any]] = [
        lambda c: c.fetchall(),
        lambda c: c.fetchone(),
        lambda c: c.df(),
        lambda c: c.fetchnumpy(),
        lambda c: c.fetchmany(10),
        lambda c: None,
    ]
    for i, fetch in enumerate(fetches):
        fetch(con.execute(f"CALL space_append('ds', 'SELECT {i} AS id')"))
    assert rows(con, "SELECT count(*), count(DISTINCT id) FROM space_scan('ds')") == [(len(fetches), len(fetches))]


def test_arguments_may_be_parameters(con: Connection) -> None:
    create(con)
    append = "CALL space_append(?, ?, message => ?)"
    assert rows(con, append, ["ds", "SELECT 1 AS id, 'it''s' AS label", "why; --"]) == [(1, "append", 1, 0, 0)]
    assert rows(con, "SELECT label FROM space_scan(?, version => ?)", ["ds", "main"]) == [("it's",)]
    assert rows(con, "SELECT label FROM space_scan($path) WHERE id = $id", {"path": "ds", "id": 1}) == [("it's",)]
    assert rows(con, "CALL space_delete($1, $2)", ["ds", "id = 1"]) == [(2, "delete", 0, 0, 1)]
    assert rows(con, "FROM space_changes($1, $2, $3)", ["ds", "1", "2"]) == [(2, "delete", 1, "it's")]
    assert rows(con, "SELECT message FROM space_snapshots(?) WHERE snapshot_id = ?", ["ds", 1]) == [("why; --",)]


def test_a_prepared_write_commits_each_time_it_is_executed(con: Connection) -> None:
    create(con)
    rows(con, "PREPARE add_one AS FROM space_append('ds', 'SELECT 1 AS id')")
    assert count(con) == 0
    assert rows(con, "EXECUTE add_one") == [(1, "append", 1, 0, 0)]
    assert rows(con, "EXECUTE add_one") == [(2, "append", 1, 0, 0)]
    rows(con, "PREPARE add_any AS FROM space_append($path, $source)")
    assert rows(con, "EXECUTE add_any(path := 'ds', source := 'SELECT 5 AS id')") == [(3, "append", 1, 0, 0)]
    assert count(con) == 3


def test_executemany_commits_once_for_each_set_of_parameters(con: Connection) -> None:
    create(con)
    con.executemany("CALL space_append('ds', ?)", [[f"SELECT {i} AS id"] for i in range(4)])
    assert rows(con, "SELECT count(*), max(snapshot_id) FROM space_scan('ds'), space_info('ds')") == [(4, 4)]


@pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")
def test_results_go_into_frames_and_arrow(con: Connection) -> None:
    rows(con, "CALL space_create('ds', source => 'SELECT range AS id FROM range(3)', primary_keys => ['id'])")
    assert con.sql("FROM space_scan('ds') ORDER BY id").df()["id"].tolist() == [0, 1, 2]
    assert con.sql("FROM space_snapshots('ds')").df()["operation"].tolist() == ["create"]
    relation = con.sql("FROM space_scan('ds')")
    assert relation.filter("id > 0").aggregate("sum(id)").fetchall() == [(3,)]


def test_an_error_is_a_duckdb_error_of_one_line(con: Connection) -> None:
    with pytest.raises(duckdb.Error) as caught:
        rows(con, "CALL space_append('nowhere', 'SELECT 1 AS id')")
    first, *more = str(caught.value).splitlines()
    assert "not-found: no dataset at" in first
    assert "Traceback" not in str(caught.value)
    assert not more


def test_a_failed_write_leaves_the_connection_usable(con: Connection) -> None:
    create(con)
    for source in ("SELECT 1 AS other", "SELECT error('broke') AS id FROM range(10000)", "nothing", "SELECT 'x' AS id"):
        with pytest.raises(duckdb.Error):
            rows(con, "CALL space_append('ds', ?)", [source])
    assert rows(con, "CALL space_append('ds', 'SELECT 1 AS id')") == [(1, "append", 1, 0, 0)]
    assert len(list(Path("ds/data").iterdir())) == 1


def test_an_interrupted_write_commits_nothing_and_leaves_no_file(con: Connection) -> None:
    create(con)
    timer = threading.Timer(0.5, con.interrupt)
    timer.start()
    with pytest.raises(duckdb.Error, match=r"(?i)interrupt"):
        rows(con, "CALL space_append('ds', 'SELECT range AS id FROM range(1000000000)')")
    timer.join()
    assert rows(con, "CALL space_append('ds', 'SELECT 1 AS id')") == [(1, "append", 1, 0, 0)]
    assert len(list(Path("ds/data").iterdir())) == 1


# -- connections ---------------------------------------------------------------------------------


def test_registering_twice_changes_nothing(tmp_path: Path) -> None:
    with duckdb.connect() as con:
        assert space_sql.register(con) is con
        before = rows(con, "SELECT count(*) FROM duckdb_functions() WHERE function_name SIMILAR TO '_?space_.*'")
        assert space_sql.register(con) is con
        assert (
            rows(con, "SELECT count(*) FROM duckdb_functions() WHERE function_name SIMILAR TO '_?space_.*'") == before
        )
        create(con, str(tmp_path / "ds"))


def test_registering_in_an_open_transaction_keeps_it_open(tmp_path: Path) -> None:
    with duckdb.connect() as con:
        con.execute("CREATE TABLE t (i INT)")
        con.begin()
        con.execute("INSERT INTO t VALUES (1)")
        with pytest.raises(space_sql.InvalidInputError, match="before BEGIN"):
            space_sql.register(con)
        assert rows(con, "SELECT count(*) FROM t") == [(1,)]
        con.rollback()
        assert rows(con, "SELECT count(*) FROM t") == [(0,)]
        create(space_sql.register(con), str(tmp_path / "ds"))


def test_registering_from_many_threads_at_once_is_safe(tmp_path: Path) -> None:
    create(space_sql.connect(), str(tmp_path / "ds"))
    start = threading.Barrier(8)
    with duckdb.connect() as con, ThreadPoolExecutor(8) as pool:
        cursors = [con.cursor() for _ in range(8)]

        def use(cursor: Connection) -> int:
            start.wait()
            return count(space_sql.register(cursor), str(tmp_path / "ds"))

        assert list(pool.map(use, cursors)) == [0] * 8


def test_cursors_are_prepared(con: Connection) -> None:
    create(con)
    cursor = con.cursor()
    rows(cursor, "CALL space_append('ds', 'SELECT 1 AS id')")
    deeper = cursor.cursor()
    assert count(deeper) == 1
    duplicate = con.duplicate()
    assert count(duplicate) == 1


def test_cursors_have_temporary_tables_and_variables_of_their_own(con: Connection) -> None:
    create(con)
    rows(con, "CALL space_branch('ds', 'dev')")
    cursor = con.cursor()
    rows(cursor, "SET VARIABLE space_branch = 'dev'")
    rows(cursor, "CREATE TEMP TABLE mine AS SELECT 1 AS id")
    rows(cursor, "CALL space_append('ds', 'mine')")
    assert (count(cursor), count(con)) == (1, 0)
    with pytest.raises(duckdb.Error, match="mine"):
        rows(con, "CALL space_append('ds', 'mine')")


def test_a_connection_that_was_not_registered_has_no_functions(con: Connection) -> None:
    with duckdb.connect() as other, pytest.raises(duckdb.Error, match="space_scan"):
        rows(other, "FROM space_scan('ds')")


def test_threads_with_cursors_write_at_once_and_lose_nothing(con: Connection) -> None:
    create(con)

    def append(worker: int) -> None:
        with con.cursor() as cursor:
            for i in range(10):
                rows(cursor, f"CALL space_append('ds', 'SELECT {worker * 100 + i} AS id')")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(append, range(4)))
    assert rows(con, "SELECT count(*), count(DISTINCT id) FROM space_scan('ds')") == [(40, 40)]
    assert rows(con, "SELECT max(snapshot_id) FROM space_snapshots('ds')") == [(40,)]


def test_two_databases_in_one_process_do_not_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with space_sql.connect() as one, space_sql.connect(tmp_path / "two.duckdb") as two:
        create(one)
        rows(one, "CREATE TABLE t AS SELECT 1 AS id, 'one' AS label")
        rows(two, "CREATE TABLE t AS SELECT 2 AS id, 'two' AS label")
        rows(one, "BEGIN")
        assert count(one) == 0
        rows(two, "CALL space_append('ds', 't')")
        assert count(one) == 0
        rows(one, "COMMIT")
        rows(one, "CALL space_append('ds', 't')")
        assert rows(two, "FROM space_scan('ds') ORDER BY id") == [(1, "one"), (2, "two")]


def test_closing_one_connection_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    one, two = space_sql.connect("file.duckdb"), space_sql.connect("file.duckdb")
    create(one)
    one.close()
    del one
    rows(two, "CALL space_append('ds', 'SELECT 1 AS id')")
    assert count(two.cursor()) == 1
    two.close()


def test_a_file_database_works_again_after_closing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with space_sql.connect("file.duckdb") as con:
        create(con)
        rows(con, "CREATE VIEW newest AS FROM space_scan('ds')")
    for _ in range(3):
        with space_sql.connect("file.duckdb") as con:
            before = rows(con, "SELECT count(*) FROM newest")[0][0]
            rows(con, f"CALL space_append('ds', 'SELECT {before} AS id')")
            assert rows(con, "SELECT count(*) FROM newest") == [(before + 1,)]


def test_a_closed_database_file_can_be_opened_by_another_process(tmp_path: Path) -> None:
    with space_sql.connect(tmp_path / "file.duckdb") as con:
        create(con, str(tmp_path / "ds"))
    del con
    script = (
        f"import space_sql; print(space_sql.connect({str(tmp_path / 'file.duckdb')!r}).execute('SELECT 1').fetchall())"
    )
    assert python(script).stdout == "[(1,)]\n"


def test_nothing_of_ours_is_written_into_the_database_file(tmp_path: Path) -> None:
    with space_sql.connect(tmp_path / "file.duckdb") as con:
        create(con, str(tmp_path / "ds"))
    with duckdb.connect(str(tmp_path / "file.duckdb"), read_only=True) as plain:
        assert rows(plain, "SELECT count(*) FROM duckdb_functions() WHERE function_name SIMILAR TO '_?space_.*'") == [
            (0,)
        ]
        assert rows(plain, "SELECT count(*) FROM duckdb_tables()") == [(0,)]


def test_a_read_only_database_reads_and_writes_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with duckdb.connect("file.duckdb") as plain:
        rows(plain, "CREATE TABLE t AS SELECT 1 AS id, 'a' AS label")
    with space_sql.connect("file.duckdb", read_only=True) as con:
        rows(con, "CALL space_create('ds', source => 't', primary_keys => ['id'])")
        rows(con, "CALL space_update('ds', 'label = ''b''', 'id IN (SELECT id FROM t)')")
        assert rows(con, "FROM space_scan('ds')") == [(1, "b")]


def test_connect_takes_what_duckdb_connect_takes(tmp_path: Path) -> None:
    with space_sql.connect(tmp_path / "f.duckdb", config={"threads": 1, "default_order": "desc"}) as con:
        asked = "SELECT current_setting('threads'), lower(current_setting('default_order'))"
        assert rows(con, asked) == [(1, "desc")]


def test_settings_of_the_caller_stay(con: Connection) -> None:
    names = "'TimeZone', 'arrow_lossless_conversion', 'python_enable_replacements', 'threads', 'search_path'"
    asked = f"SELECT name, value FROM duckdb_settings() WHERE name IN ({names}) ORDER BY ALL"
    with duckdb.connect() as plain:
        untouched = rows(plain, asked)
        space_sql.register(plain)
        assert rows(plain, asked) == untouched


@pytest.mark.parametrize(
    "setting",
    [
        "SET TimeZone = 'Asia/Kathmandu'",
        "SET default_null_order = 'nulls_first'",
        "SET default_order = 'desc'",
        "SET arrow_lossless_conversion = true",
        "SET arrow_large_buffer_size = true",
        "SET produce_arrow_string_view = true",
        "SET preserve_insertion_order = false",
        "SET threads = 1",
        "SET integer_division = true",
        "SET ieee_floating_point_ops = false",
        "SET old_implicit_casting = true",
        "SET default_collation = 'nocase'",
        "SET preserve_identifier_case = false",
    ],
)
def test_settings_of_the_caller_change_nothing_that_is_stored(con: Connection, setting: str) -> None:
    source = (
        "SELECT range AS id, TIMESTAMPTZ ''2024-01-01 12:00:00+00'' AS t, ''A'' || range AS label, [range, NULL] AS l,"
        " uuid AS u, 5::HUGEINT AS h, MAP {''k'': ''v''} AS m, DATE ''2024-01-01'' AS d, range / 4 AS x"
        " FROM range(5), (SELECT ''550e8400-e29b-41d4-a716-446655440000''::UUID AS uuid)"
    )
    rows(con, f"CALL space_create('plain', source => '{source}', primary_keys => ['id'])")
    with con.cursor() as cursor:
        try:
            rows(cursor, setting)
        except duckdb.Error:
            pytest.skip("this DuckDB does not know the setting")
        rows(
            cursor,
            f"CALL space_create('ds', source => '{source}', primary_keys => ['id'])".replace(
                "range / 4", "0.25 * range"
            ),
        )
        rows(cursor, f"CALL space_upsert('ds', '{source}')".replace("range / 4", "0.25 * range"))
        rows(cursor, "CALL space_delete('ds', 'id = 3')")
    rows(con, "CALL space_delete('plain', 'id = 3')")
    fields = "id, epoch_us(t), label, l, u, h, m, d, x::DOUBLE"
    mine = rows(con, f"SELECT {fields} FROM space_scan('ds') ORDER BY id")
    assert mine == rows(con, f"SELECT {fields} FROM space_scan('plain') ORDER BY id")
    assert rows(con, "SELECT count(*) FROM space_snapshots('ds')") == [(2,)]


# -- datasets ------------------------------------------------------------------------------------


def test_a_dataset_that_is_copied_or_moved_opens(con: Connection, tmp_path: Path) -> None:
    create(con)
    rows(con, "CALL space_append('ds', 'SELECT range AS id FROM range(5)')")
    rows(con, "CALL space_delete('ds', 'id = 2')")
    rows(con, "CALL space_tag('ds', 'v1')")
    shutil.copytree("ds", "elsewhere/copy")
    assert count(con, "elsewhere/copy") == 4
    rows(con, "CALL space_append('elsewhere/copy', 'SELECT 9 AS id')")
    assert (count(con), count(con, "elsewhere/copy")) == (4, 5)
    os.rename("ds", "moved")
    assert rows(con, "SELECT count(*) FROM space_scan('moved', version => 'v1')") == [(4,)]
    with pytest.raises(duckdb.Error, match="not-found"):
        count(con)


def test_a_dataset_that_is_replaced_by_another_is_read_anew(con: Connection) -> None:
    create(con)
    rows(con, "CALL space_append('ds', 'SELECT range AS id FROM range(5)')")
    assert count(con) == 5
    shutil.rmtree("ds")
    with pytest.raises(duckdb.Error, match="not-found"):
        count(con)
    rows(con, "CALL space_create('ds', source => 'SELECT 1 AS other', primary_keys => ['other'])")
    assert rows(con, "FROM space_scan('ds')") == [(1,)]


def test_a_relative_path_follows_the_working_directory(con: Connection, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    create(con, "a/ds")
    os.chdir("a")
    assert count(con) == 0


def test_a_path_may_begin_with_the_home_folder(
    con: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    create(con, "~/at home")
    assert (tmp_path / "at home/space.json").exists()


def test_a_missing_data_file_is_named_in_one_line(con: Connection) -> None:
    rows(con, "CALL space_create('ds', source => 'SELECT range AS id FROM range(5)', primary_keys => ['id'])")
    (path,) = Path("ds/data").iterdir()
    path.unlink()
    with pytest.raises(duckdb.Error, match=path.name) as caught:
        rows(con, "SELECT sum(id) FROM space_scan('ds')")
    assert "Traceback" not in str(caught.value)


def test_a_missing_log_entry_is_named(con: Connection) -> None:
    create(con)
    for i in range(3):
        rows(con, f"CALL space_append('ds', 'SELECT {i} AS id')")
    (Path("ds/log") / f"{1:020d}.json").unlink()
    done = python("import space_sql; space_sql.connect().execute(\"FROM space_scan('ds')\").fetchall()", check=False)
    assert "not-found" in done.stderr or "format" in done.stderr
    assert "snapshot 1" in done.stderr or "00001.json" in done.stderr


def test_a_damaged_entry_is_named_by_a_process_that_did_not_write_it(con: Connection) -> None:
    create(con)
    rows(con, "CALL space_append('ds', 'SELECT 1 AS id')")
    entry = Path("ds/log") / f"{1:020d}.json"
    entry.write_bytes(entry.read_bytes()[:100])
    done = python("import space_sql; space_sql.connect().execute(\"FROM space_scan('ds')\").fetchall()", check=False)
    assert "format: log entry log/00000000000000000001.json is corrupted" in done.stderr


def test_a_path_that_leads_out_of_the_folder_is_refused(con: Connection) -> None:
    rows(con, "CALL space_create('ds', source => 'SELECT 1 AS id', primary_keys => ['id'])")
    (data,) = Path("ds/data").iterdir()
    shutil.copy(data, "outside.parquet")
    entry = Path("ds/log") / f"{0:020d}.json"
    text = entry.read_bytes().rpartition(b',"checksum"')[0].replace(f"data/{data.name}".encode(), b"../outside.parquet")
    entry.write_bytes(text + b',"checksum":"' + hashlib.sha256(text).hexdigest().encode() + b'"}')
    with pytest.raises(duckdb.Error, match=r"format: .*outside.parquet.*not inside the dataset folder"):
        count(con)


def test_a_folder_that_cannot_be_written_to_is_read_only(con: Connection) -> None:
    with pytest.raises(duckdb.Error, match=r"(read-only|storage|not-found): .*/proc/ds"):
        create(con, "/proc/ds")


# -- processes -----------------------------------------------------------------------------------


def python(script: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a script in a fresh process, in the current folder."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", script], env=environment, check=check, capture_output=True, text=True
    )


SCRIPT = """
import space_sql
con = space_sql.connect({database!r})
con.execute("CALL space_create('ds', source => 'SELECT range AS id FROM range(9999)', primary_keys => 'id')").fetchall()
con.execute("CALL space_append('ds', 'SELECT range AS id FROM range(5)')")
cursor = con.cursor()
cursor.execute("CALL space_delete('ds', 'id = 3')").fetchall()
print(cursor.execute("SELECT count(*) FROM space_scan('ds')").fetchall()[0][0])
{end}
"""


@pytest.mark.parametrize("database", [":memory:", "file.duckdb"])
@pytest.mark.parametrize("end", ["", "con.close()", "del con, cursor", "con.sql(\"FROM space_scan('ds')\")"])
def test_a_process_ends_without_a_word(con: Connection, database: str, end: str) -> None:
    done = python(SCRIPT.format(database=database, end=end))
    assert (done.stdout, done.stderr) == ("10002\n", "")


def test_an_interpreter_that_ends_on_an_error_shows_only_that(con: Connection) -> None:
    done = python(SCRIPT.format(database=":memory:", end="con.execute(\"FROM space_scan('no')\")"), check=False)
    assert done.returncode == 1
    assert "not-found: no dataset at" in done.stderr
    assert "Fatal" not in done.stderr


def test_a_process_that_was_forked_reads_and_writes(con: Connection) -> None:
    script = """
import multiprocessing, space_sql
def work(i):
    with space_sql.connect() as con:
        con.execute(f"CALL space_append('ds', 'SELECT {i} AS id')").fetchall()
if __name__ == '__main__':
    con = space_sql.connect()
    con.execute("CALL space_create('ds', columns => 'id BIGINT', primary_keys => ['id'])").fetchall()
    con.execute("CALL space_insert('ds', 'SELECT 100 AS id')").fetchall()
    with multiprocessing.get_context('fork').Pool(2) as pool:
        pool.map(work, range(4))
    print(con.execute("SELECT count(*) FROM space_scan('ds')").fetchall()[0][0])
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    Path("forked.py").write_text(script)
    done = subprocess.run([sys.executable, "forked.py"], env=environment, capture_output=True, text=True, timeout=120)
    assert done.stdout == "5\n", done.stderr


def test_import_and_first_scan_cost_little_more_than_duckdb_and_pyarrow(con: Connection) -> None:
    rows(con, "CALL space_create('ds', source => 'SELECT range AS id FROM range(5)', primary_keys => ['id'])")
    (data,) = Path("ds/data").iterdir()
    plain = f"import duckdb, pyarrow.parquet, pyarrow.compute; duckdb.connect().execute(\"FROM '{data}'\").fetchall()"
    ours = "import space_sql; space_sql.connect().execute(\"FROM space_scan('ds')\").fetchall()"
    # Processor time, the best of three: what else the machine does matters little.
    assert min(cpu_seconds(ours) for _ in range(3)) < 3 * min(cpu_seconds(plain) for _ in range(3)) + 0.3


def cpu_seconds(script: str) -> float:
    def used() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = used()
    python(script)
    return used() - before


def test_the_import_brings_neither_pandas_nor_the_command_line() -> None:
    script = "import sys, space_sql; print([m for m in ('pandas', 'typer', 'rich', 'sqlglot') if m in sys.modules])"
    assert python(script).stdout == "[]\n"


def test_everything_works_without_pandas(con: Connection) -> None:
    script = "import sys; sys.modules['pandas'] = None\n" + SCRIPT.format(database=":memory:", end="")
    assert python(script).stdout == "10002\n"
