"""The host lives on, whatever happens: one line a failure."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import duckdb
import pytest

from space_sql.functions.calls import SESSIONS
from space_sql.hosts.extension import build
from tests.extension.conftest import Opener, Runner, shell_program
from tests.hosts.extension import built

LONG = os.environ.get("SPACE_SQL_LONG") == "1"
CREATE = "CALL space_create('ds', source => 'SELECT range AS id FROM range(10)', primary_keys => ['id'])"


def one_line(error: BaseException) -> str:
    """The message's first line, which must say it all."""
    text = str(error)
    assert "Traceback" not in text
    return text.split("\n", 1)[0]


def test_loading_twice_changes_nothing(opened: Opener) -> None:
    con = opened()
    con.execute(CREATE)
    con.execute(f"LOAD '{built()}'")
    con.execute(f"LOAD '{built()}'")
    assert con.execute("SELECT count(*) FROM 'ds'").fetchall() == [(10,)]
    con.execute("CALL space_append('ds', 'SELECT 10 AS id')")


def test_several_databases_of_one_process_do_not_mix(opened: Opener) -> None:
    first, second = opened(), opened("file.duckdb")
    first.execute(CREATE)
    for con in (first, second):
        con.execute("BEGIN")
        assert con.execute("SELECT count(*) FROM space_scan('ds')").fetchall() == [(10,)]
    first.execute("CALL space_delete('ds', 'id = 0')")
    assert first.execute("SELECT count(*) FROM space_scan('ds')").fetchall() == [(9,)]
    assert second.execute("SELECT count(*) FROM space_scan('ds')").fetchall() == [(10,)]
    second.execute("COMMIT")
    assert second.execute("SELECT count(*) FROM space_scan('ds')").fetchall() == [(9,)]


def test_connections_of_one_database_do_not_mix(opened: Opener) -> None:
    con = opened()
    con.execute(CREATE)
    other = con.cursor()
    for one in (con, other):
        one.execute("BEGIN")
        assert one.execute("SELECT count(*) FROM 'ds'").fetchall() == [(10,)]
    other.execute("CALL space_delete('ds', 'id < 5')")
    assert con.execute("SELECT count(*) FROM 'ds'").fetchall() == [(10,)]
    assert other.execute("SELECT count(*) FROM 'ds'").fetchall() == [(5,)]


def test_databases_can_load_it_at_the_same_time(opened: Opener) -> None:
    opened().execute(CREATE)
    errors: list[Exception] = []
    shared = duckdb.connect("shared.duckdb", config={"allow_unsigned_extensions": "true"})

    def load(con: duckdb.DuckDBPyConnection) -> None:
        try:
            con.execute(f"LOAD '{built()}'")
            assert con.execute("SELECT count(*) FROM space_scan('ds')").fetchall() == [(10,)]
        except Exception as error:
            errors.append(error)

    connections = [duckdb.connect(config={"allow_unsigned_extensions": "true"}) for _ in range(4)]
    connections += [shared.cursor() for _ in range(4)]
    threads = [threading.Thread(target=load, args=(con,)) for con in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for con in (*connections, shared):
        con.close()
    assert errors == []


def test_a_closed_file_opens_in_another_process_without_the_extension(opened: Opener, run: Runner) -> None:
    con = opened("file.duckdb")
    con.execute(CREATE)
    con.execute("CREATE VIEW v AS FROM space_scan('ds')")
    con.execute("CREATE TABLE t AS SELECT 1 AS x")
    con.close()
    done = run("con = duckdb.connect('file.duckdb'); con.execute('INSERT INTO t VALUES (2)'); con.close()")
    assert done.returncode == 0, done.stderr
    done = run("print(load('file.duckdb').execute('SELECT count(*), (SELECT count(*) FROM t) FROM v').fetchall())")
    assert done.stdout.endswith("[(10, 2)]\n")  # a progress bar may come first


def test_closing_a_database_forgets_its_connections(opened: Opener) -> None:
    con = opened()
    con.execute(CREATE)
    before = len(SESSIONS._sessions)
    con.execute("FROM 'ds'").fetchall()
    con.close()
    assert len(SESSIONS._sessions) < before


def test_a_file_that_never_held_the_macros_can_be_read_only(opened: Opener) -> None:
    opened().execute(CREATE)
    duckdb.connect("plain.duckdb").close()
    con = opened("plain.duckdb", read_only=True)
    assert con.execute("SELECT count(*) FROM 'ds@main'").fetchall() == [(10,)]
    assert con.execute("SELECT count(*) FROM space.space_scan('ds')").fetchall() == [(10,)]
    con.execute("CALL space.space_append('ds', 'SELECT 10 AS id')")
    with pytest.raises(duckdb.Error) as error:
        con.execute("FROM space_scan('ds', version => 'main')")
    assert "write space.space_scan(…), or read a dataset by its path: FROM 'path@version'" in one_line(error.value)


@pytest.mark.parametrize("name", ["space", "SPACE"])
def test_a_database_may_have_its_name(name: str, opened: Opener) -> None:
    con = opened(f"{name}.duckdb")
    con.execute(CREATE)
    assert con.execute("SELECT count(*) FROM 'ds'").fetchall() == [(10,)]
    con.close()
    con = opened(f"{name}.duckdb", read_only=True)
    assert con.execute("SELECT count(*) FROM space_scan('ds')").fetchall() == [(10,)]


def test_other_databases_are_used_as_ever(opened: Opener) -> None:
    con = opened("home.duckdb")
    con.execute(CREATE)
    con.execute("ATTACH 'other.duckdb' AS other")
    con.execute("BEGIN")
    con.execute("CREATE TABLE other.t AS FROM space_scan('ds')")
    con.execute("CALL space_append('ds', 'SELECT id + 10 AS id FROM other.t')")
    con.execute("COMMIT")
    con.execute("USE other")
    con.execute("CHECKPOINT")
    assert con.execute("SELECT count(*) FROM 'ds'").fetchall() == [(20,)]
    con.execute("USE home")
    con.execute("DETACH other")
    con.execute("CHECKPOINT")


def test_an_exported_database_can_be_imported_without_the_extension(opened: Opener) -> None:
    con = opened()
    con.execute("CREATE TABLE t AS SELECT 1 AS x")
    con.execute("EXPORT DATABASE 'exported'")
    with duckdb.connect() as plain:
        plain.execute("IMPORT DATABASE 'exported'")
        assert plain.execute("FROM t").fetchall() == [(1,)]


@pytest.mark.parametrize(
    "call",
    [
        "SELECT _space_read('space_scan', 'not a session', '{}')",
        "SELECT _space_read('space_scan', NULL, NULL)",
        "SELECT _space_read('nothing', '1|1|1||', '{}')",
        "FROM query(_space_typed('space_append', 'x', '{}'))",
        "FROM query(_space_rows('space_append', 4711, '{}'))",
        "SELECT _space_begin('space_append', 'x', '{}', 'STRUCT(a INTEGER)')",
        "SELECT _space_begin(NULL, NULL, NULL, NULL)",
        "SELECT _space_stage(4711, {'a': 1})",
        "SELECT _space_stage()",
        "SELECT _space_stage('text')",
        "SELECT _space_commit(4711, 0)",
        "SELECT _space_commit(NULL, NULL)",
        "SELECT _space_apply('space_tag', NULL, '[')",
    ],
)
def test_an_exception_in_a_callback_is_one_line(call: str, opened: Opener) -> None:
    con = opened()
    try:
        answer = con.execute(call).fetchall()
    except duckdb.Error as error:
        one_line(error)
    else:
        assert isinstance(answer[0][0], str)  # the line is the answer, which the macros raise
    assert con.execute("SELECT 42").fetchall() == [(42,)]


def test_a_source_that_cannot_be_staged_is_one_line(opened: Opener) -> None:
    con = opened()
    con.execute("CALL space_create('j', columns => 'id BIGINT, v JSON', primary_keys => ['id'])")
    with pytest.raises(duckdb.Error, match="VARIANT"):
        con.execute("CALL space_append('j', 'SELECT 1 AS id, 1::VARIANT AS v')")
    con.execute("CALL space_append('j', 'SELECT 1 AS id, 1::VARIANT::JSON AS v')")


def test_an_error_of_a_record_is_one_line_that_begins_with_its_kind(opened: Opener) -> None:
    con = opened()
    con.execute(CREATE)
    address = "{'file': ?, 'row': 0::BIGINT, 'bytes': 1::BIGINT, 'hash': ''}"
    for name in ("nope", "é" * 5000):  # one is longer than a line may be
        with pytest.raises(duckdb.Error) as error:
            con.execute(f"SELECT space_record('ds', {address})", [name])
        assert str(error.value).startswith(f"Invalid Input Error: format: '{name[:100]}")
    assert one_line(error.value) == str(error.value)


def test_an_interrupted_write_leaves_the_connection_usable(opened: Opener) -> None:
    con = opened()
    con.execute(CREATE)
    timer = threading.Timer(1.0, con.interrupt)
    timer.start()
    with pytest.raises(duckdb.Error, match=r"(?i)interrupt"):
        con.execute("CALL space_append('ds', 'SELECT range AS id FROM range(10, 3000000000)')")
    timer.join()
    assert con.execute("SELECT count(*) FROM 'ds'").fetchall() == [(10,)]
    con.execute("CALL space_append('ds', 'SELECT 10 AS id')")
    con.execute("FROM 'ds'").fetchall()
    assert len(list(Path("ds/data").iterdir())) == 2  # what was staged is removed by the next statement


def test_ctrl_c_in_the_shell_ends_the_statement_and_not_the_shell(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [shell_program(), "-interactive", "-unsigned", "-init", "/dev/null", "-noheader", "-list"], cwd=tmp_path,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(f"LOAD '{built()}';\n")
    process.stdin.write("CALL space_create('ds', columns => 'id BIGINT', primary_keys => ['id']);\n")
    process.stdin.write("CALL space_append('ds', 'SELECT range AS id FROM range(3000000000)');\n")
    process.stdin.flush()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not list(tmp_path.glob("ds/data/*")):
        time.sleep(0.1)
    process.send_signal(2)
    out, _ = process.communicate("SELECT 'rows', count(*) FROM 'ds';\n", timeout=60)
    assert "rows|0" in out, out


def test_running_out_of_memory_is_one_line(run: Runner) -> None:
    done = run(
        """
import resource
con = load()
con.execute("SET threads = 1")
con.execute("CALL space_create('ds', columns => 'id BIGINT, s VARCHAR', primary_keys => ['id'])")
con.execute("CALL space_append('ds', 'SELECT 1 AS id, ''x'' AS s')")
used = int(open("/proc/self/statm").read().split()[0]) * 4096
for room in (50, 100, 200, 300, 500):
    resource.setrlimit(resource.RLIMIT_AS, (used + (room << 20), -1))
    try:
        con.execute("CALL space_append('ds', 'SELECT range AS id, repeat(''x'', 300000) AS s FROM range(2048)')")
    except (duckdb.Error, MemoryError, RuntimeError) as error:
        print("error", "Traceback" in str(error))
    resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
    assert con.execute("SELECT count(*) FROM 'ds'").fetchall() in ([(1,)], [(2049,)])
print("alive", con.execute("SELECT count(*) FROM 'ds' WHERE id = 1").fetchall())
""",
        SPACE_SQL_SYNC="off",
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "error False" in done.stdout
    assert "error True" not in done.stdout
    assert "alive" in done.stdout


def test_records_that_duckdb_has_no_memory_for_are_given_back(run: Runner) -> None:
    done = run(
        """
def rss(): return int(open("/proc/self/statm").read().split()[1]) * 4096 >> 20
con = load()
con.execute("CALL space_create('ds', source => 'SELECT range AS id, repeat(''x'', 2000000)::BLOB AS image "
            "FROM range(20)', primary_keys => ['id'], record_fields => ['image'])")
con.execute("SET memory_limit = '25MB'")
sizes = []
for _ in range(10):
    try:
        con.execute("SELECT max(octet_length(image)) FROM 'ds'").fetchall()
    except duckdb.OutOfMemoryException:
        sizes.append(rss())
print(sizes[-1] - sizes[1], len(sizes))
""",
        SPACE_SQL_SYNC="off",
    )
    assert done.returncode == 0, done.stderr
    grown, failed = map(int, done.stdout.split())
    assert failed == 10
    assert grown < 150  # ten times forty megabytes, were they kept


def test_a_missing_package_is_one_line_and_the_host_lives(run: Runner) -> None:
    done = run(
        """
sys.modules["space_sql"] = None
con = duckdb.connect(config={"allow_unsigned_extensions": "true"})
con.execute("SET enable_progress_bar = false")
for _ in range(2):
    try:
        con.execute(f"LOAD '{EXTENSION}'")
    except duckdb.Error as error:
        print(str(error))
print(con.execute("SELECT 42").fetchall())
del sys.modules["space_sql"]
con.execute(f"LOAD '{EXTENSION}'")
print(con.execute("SELECT count(*) FROM space_datasets('.')").fetchall())
"""
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [("Space SQL cannot be loaded: ModuleNotFoundError: " in line) for line in lines] == [
        True,
        True,
        False,
        False,
    ]
    assert lines[2:] == ["[(42,)]", "[(0,)]"]


def copied(folder: Path, **changes: str) -> Path:
    """The extension in another folder, with some lines of its record changed; an empty value leaves them out."""
    folder.mkdir()
    kept = [line for line in build.record().splitlines() if line.split("=")[0] not in changes]
    kept += [f"{key}={value}" for key, value in changes.items() if value]
    (folder / build.RECORD).write_text("\n".join(kept) + "\n")
    return Path(shutil.copy(built(), folder / build.FILE))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"libpython": "/nowhere/libpython3.so"}, "the Python that Space SQL was installed with is gone"),
        ({"libpython": ""}, "it is not recorded which Python to use"),
        ({"executable": "/nowhere/bin/python", "path": ""}, "No module named 'space_sql'"),
        # Not the executable of an environment in which the package is installed, as an editable one may be.
        ({"executable": sys._base_executable, "path": "/nowhere"}, "No module named 'space_sql'"),
    ],
)
def test_a_broken_record_is_one_line_and_the_shell_lives(
    changes: dict[str, str], line: str, shell: Runner, tmp_path: Path
) -> None:
    done = shell("SELECT 42;\nFROM range(2);\n", extension=copied(tmp_path / "copy", **changes))
    assert line in done.stderr, done
    assert len(done.stderr.strip().splitlines()) <= 2
    assert done.stdout == "42\n0\n1\n"


def test_a_library_that_is_no_python_is_one_line(shell: Runner, tmp_path: Path) -> None:
    done = shell("SELECT 42;\n", extension=copied(tmp_path / "copy", libpython=str(built())))
    assert "this Python has no function Py_IsInitialized: Space SQL needs Python 3.11 or later" in done.stderr
    assert done.stdout == "42\n"


def test_a_variable_names_another_record(shell: Runner, tmp_path: Path) -> None:
    broken = copied(tmp_path / "copy", libpython="/nowhere/libpython3.so")
    whole = tmp_path / "whole.python"
    whole.write_text(build.record())
    done = shell("SELECT count(*) FROM space_datasets('.');\n", extension=broken, SPACE_SQL_PYTHON=str(whole))
    assert done.stdout == "0\n", done.stderr


def test_variables_of_python_do_not_break_it(shell: Runner) -> None:
    done = shell("SELECT 42;\n", PYTHONHOME="/nowhere", PYTHONPATH="/nowhere", LC_ALL="C")
    assert (done.stdout, done.stderr) == ("42\n", "")


def test_the_shell_ends_well_after_all_kinds_of_work(shell: Runner) -> None:
    done = shell(f"{CREATE};\nCALL space_update('ds', 'id = id + 100', 'id = 3');\nSELECT max(id) FROM 'ds';\n")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "103"


@pytest.mark.stress
def test_closing_gives_back_memory_locks_and_handles(run: Runner) -> None:
    rounds = 1000 if LONG else 60
    done = run(
        f"""
def rss(): return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20
load().execute("CALL space_create('ds', source => 'SELECT range AS id FROM range(1000)', primary_keys => ['id'])")
sizes = []
for i in range({rounds}):
    con = load("file.duckdb" if i % 2 else ":memory:")
    con.execute("SELECT count(*) FROM 'ds@main' WHERE id < 10").fetchall()
    con.execute("SELECT count(*) FROM space_scan('ds')").fetchall()
    con.close()
    sizes.append(rss())
    assert len(os.listdir("/proc/self/fd")) < 20
print(sizes[9], sizes[len(sizes) // 2], sizes[-1])
"""
    )
    assert done.returncode == 0, done.stderr
    early, middle, late = map(float, done.stdout.split())
    assert late - early < 8, done.stdout
    assert late - middle < (4 if LONG else 6), done.stdout  # sixty rounds leave room for one arena of malloc


@pytest.mark.stress
def test_eight_connections_query_and_write_at_once(opened: Opener) -> None:
    con = opened("file.duckdb")
    con.execute("CALL space_create('ds', columns => 'id BIGINT, who BIGINT', primary_keys => ['id', 'who'])")
    until = time.monotonic() + (180 if LONG else 5)
    written = [0] * 8
    errors: list[Exception] = []

    def work(who: int) -> None:
        mine = con.cursor()
        try:
            while time.monotonic() < until:
                source = f"SELECT {written[who]} AS id, {who} AS who"
                mine.execute("CALL space_append('ds', ?)", [source]).fetchall()
                written[who] += 1
                mine.execute("BEGIN")
                query = f"SELECT count(*), count(*) FILTER (who = {who}) FROM space_scan('ds')"
                first = mine.execute(query).fetchall()
                assert first[0][1] == written[who]
                assert mine.execute(query.replace("space_scan('ds')", "'ds'")).fetchall() == first
                mine.execute("COMMIT")
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert con.execute("SELECT count(*) FROM 'ds'").fetchall() == [(sum(written),)]
    assert min(written) > 0


def test_the_scan_is_a_plain_parquet_scan_with_the_filter_in_it(opened: Opener) -> None:
    con = opened()
    con.execute(CREATE)
    con.execute("CALL space_tag('ds', 'v1')")
    for query in ("FROM 'ds@v1' WHERE id = 3", "FROM space_scan('ds', version => 'v1') WHERE id = 3"):
        plan = con.execute(f"EXPLAIN {query}").fetchall()[0][1]
        assert "READ_PARQUET" in plan
        assert "Filters" in plan
        assert "space" not in plan.casefold()
