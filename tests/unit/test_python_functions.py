"""Functions of Python in views: each changed row is computed once, and nothing else is."""

from __future__ import annotations

import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import space_sql
from space_sql.dataset import dataset as opened
from space_sql.errors import InvalidInputError
from space_sql.views import computed, progress

Connection = duckdb.DuckDBPyConnection
QUERY = "SELECT id, embed(name) AS e, size(name) AS n FROM space_scan('raw')"


@pytest.fixture
def con(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    monkeypatch.chdir(tmp_path)
    with space_sql.connect() as con:
        source = "SELECT range AS id, 'n' || range % 50 AS name, 1 AS other FROM range(100)"
        call(con, f"space_create('raw', primary_keys => ['id'], source => $${source}$$)")
        yield con


class Counted:
    """Functions that note what they were called with."""

    def __init__(self, con: Connection, embed: str | None = "v1", size: str | None = "v1") -> None:
        self.embedded: list[str] = []
        self.sized: list[str] = []
        space_sql.register_function(con, "embed", self.embed, ["VARCHAR"], "FLOAT[2]", version=embed)
        space_sql.register_function(con, "size", self.size, ["VARCHAR"], "BIGINT", version=size, vectorised=True)

    def embed(self, name: str) -> list[float]:
        self.embedded.append(name)
        return [float(len(name)), 0.5]

    def size(self, names: pa.Array) -> pa.Array:
        self.sized += names.to_pylist()
        return pc.utf8_length(names)

    @property
    def counts(self) -> tuple[int, int]:
        found = len(self.embedded), len(self.sized)
        assert (len(set(self.embedded)), len(set(self.sized))) == found, "the same arguments twice"
        self.embedded, self.sized = [], []
        return found


def call(con: Connection, text: str) -> Any:
    return con.execute(f"CALL {text}").fetchall()


def refreshed(con: Connection, arguments: str = "'mv'", query: str = QUERY) -> tuple[Any, ...]:
    """Refresh, and compare with the query computed by DuckDB's own functions."""
    columns = "policy, rows_inserted, rows_updated, rows_deleted, reason"
    (found,) = con.execute(f"SELECT {columns} FROM space_refresh({arguments})").fetchall()
    plain = query.replace("embed(name)", "[length(name), 0.5]::FLOAT[2]").replace("size(name)", "length(name)")
    for one, other in ((plain, "FROM space_scan('mv')"), ("FROM space_scan('mv')", plain)):
        assert con.execute(f"SELECT count(*) FROM ({one} EXCEPT ALL {other})").fetchall() == [(0,)]
    assert call(con, "space_verify('mv', deep => true)") == []
    return tuple(found)


def test_each_changed_row_is_computed_once(con: Connection) -> None:
    functions = Counted(con)
    call(con, f"space_materialize('mv', $${QUERY}$$)")
    assert functions.counts == (50, 50)
    assert refreshed(con) == ("none", 0, 0, 0, None)
    call(con, "space_update('raw', 'other = 2', 'id < 30')")
    assert refreshed(con)[:4] == ("incremental", 0, 0, 0)
    assert functions.counts == (0, 0), "the arguments did not change"
    call(con, "space_update('raw', 'name = ''new'' || id', 'id < 3')")
    assert refreshed(con)[:4] == ("incremental", 0, 3, 0)
    assert functions.counts == (3, 3)
    call(con, "space_append('raw', 'SELECT 1000 AS id, ''n7'' AS name, 1 AS other')")
    call(con, "space_delete('raw', 'id = 50')")
    assert refreshed(con)[:4] == ("incremental", 1, 0, 1)
    assert functions.counts == (0, 0), "known names"
    call(con, "space_restore('raw', '0')")
    assert refreshed(con)[:4] == ("incremental", 1, 3, 1)
    assert functions.counts == (0, 0)


def test_another_version_computes_that_function_alone(con: Connection) -> None:
    functions = Counted(con)
    call(con, f"space_materialize('mv', $${QUERY}$$)")
    assert functions.counts == (50, 50)
    functions = Counted(con, size="v2")
    with pytest.raises(duckdb.Error, match="function-changed: size from version v1 to v2"):
        refreshed(con, "'mv', policy => 'incremental'")
    assert refreshed(con) == ("full", 0, 0, 0, "function-changed: size from version v1 to v2")
    assert functions.counts == (0, 50)
    assert refreshed(con)[0] == "none", "the view has the version now"
    functions = Counted(con, size="v1")
    assert refreshed(con)[0] == "full"
    assert functions.counts == (0, 0), "results of the version before are still there"


def test_a_version_with_another_type_changes_the_column(con: Connection) -> None:
    Counted(con)
    call(con, f"space_materialize('mv', $${QUERY}$$)")
    with pytest.raises(InvalidInputError, match=r"there is a function size already\(VARCHAR\), which returns BIGINT"):
        space_sql.register_function(con, "size", len, ["VARCHAR"], "INTEGER", version="v2")
    with space_sql.connect() as other:
        embedded = Counted.__new__(Counted)
        embedded.embedded = []
        space_sql.register_function(other, "embed", embedded.embed, ["VARCHAR"], "FLOAT[2]", version="v1")
        space_sql.register_function(other, "size", len, ["VARCHAR"], "INTEGER", version="v2")
        ((policy, reason),) = other.execute("SELECT policy, reason FROM space_refresh('mv')").fetchall()
        assert (policy, reason) == ("full", "function-changed: size from version v1 to v2")
        assert embedded.embedded == []
        assert other.execute("SELECT DISTINCT typeof(n) FROM space_scan('mv')").fetchall() == [("INTEGER",)]


def test_a_missing_function_is_named_with_its_version(con: Connection) -> None:
    Counted(con)
    call(con, f"space_materialize('mv', $${QUERY}$$)")
    call(con, "space_delete('raw', 'id = 1')")
    with (
        space_sql.connect() as other,
        pytest.raises(
            duckdb.Error, match=r"not-found: the view calls the Python function embed\(VARCHAR\), version v1"
        ),
    ):
        call(other, "space_refresh('mv')")
    assert call(con, "space_refresh('mv')")


def test_cursors_made_before_and_after_have_the_functions(con: Connection) -> None:
    before = con.cursor()
    functions = Counted(con)
    call(before, f"space_materialize('mv', $${QUERY}$$)")
    call(con, "space_update('raw', 'name = ''x''', 'id = 1')")
    assert refreshed(con.cursor())[:3] == ("incremental", 0, 1)
    assert functions.counts == (51, 51)


def test_a_function_without_a_version_is_not_deterministic(con: Connection) -> None:
    functions = Counted(con, size=None)
    call(con, f"space_materialize('mv', $${QUERY}$$)")
    call(con, "space_update('raw', 'name = ''x''', 'id = 1')")
    with pytest.raises(duckdb.Error, match="not-deterministic: the function size was registered without a version"):
        refreshed(con, "'mv', policy => 'incremental'")
    functions.sized.clear()
    assert refreshed(con)[-1] == "not-deterministic: the function size was registered without a version"
    assert len(functions.sized) >= 100
    assert len(functions.embedded) == 51, "the other one has a version"
    assert con.execute("SELECT rule FROM space_explain_refresh('mv')").fetchall() == [("full",)]


def test_functions_stand_anywhere_in_a_query(con: Connection) -> None:
    functions = Counted(con)
    queries = [
        "SELECT size(name) AS n, count(*) AS many, max(embed(name)[1]) AS e FROM space_scan('raw') GROUP BY size(name)",
        "SELECT a.id, b.id AS b FROM space_scan('raw') a JOIN space_scan('raw') b ON size(a.name) = b.id",
        "SELECT id, embed(name)[1] AS e FROM (SELECT id, name FROM space_scan('raw') WHERE size(name) > 2)",
        "SELECT id, row_number() OVER (PARTITION BY size(name) ORDER BY id) AS r FROM space_scan('raw')",
    ]
    plain = [q.replace("embed(", "plain_embed(").replace("size(", "length(") for q in queries]
    con.execute("CREATE MACRO plain_embed(n) AS [length(n), 0.5]::FLOAT[2]")
    for number, query in enumerate(queries):
        call(con, f"space_materialize('mv{number}', $${query}$$)")
    functions.embedded, functions.sized = [], []
    for change in ("space_update('raw', $$name = 'longer'$$, 'id < 10')", "space_delete('raw', 'id % 7 = 1')"):
        call(con, change)
        for number, query in enumerate(plain):
            ((policy, reason),) = con.execute(f"SELECT policy, reason FROM space_refresh('mv{number}')").fetchall()
            assert (policy, reason) == ("incremental", None), query
            for one, other in ((query, f"FROM space_scan('mv{number}')"), (f"FROM space_scan('mv{number}')", query)):
                assert con.execute(f"SELECT count(*) FROM ({one} EXCEPT ALL {other})").fetchall() == [(0,)], query


def test_nulls_awkward_values_and_types_go_through(con: Connection) -> None:
    seen: list[Any] = []

    def told(*row: Any) -> str | None:
        seen.append(row)
        return None if row[0] == "none" else repr(row)

    types = ["VARCHAR", "BLOB", "DOUBLE", "TIMESTAMP", "DECIMAL(10,2)", "STRUCT(a INTEGER, b VARCHAR[])", "DATE"]
    space_sql.register_function(con, "told", told, types, "VARCHAR", version="1; '\"", null_handling="special")
    space_sql.register_function(con, 'Wé "ird', lambda blob: blob[::-1], ["BLOB"], "BLOB", version="v'1")
    row = (
        "'a''b', '\\x00\\xFF'::BLOB, 'nan'::DOUBLE, TIMESTAMP '2020-01-01 00:00:00.000001', 1.25, "
        "{'a': 1, 'b': ['x', NULL]}, DATE '1969-12-31'"
    )
    nulls = ", ".join(f"NULL::{t}" for t in types)
    none = f"'none', {nulls.partition(', ')[2]}"
    source = " UNION ALL ".join(
        f"SELECT {n} AS id, * FROM (SELECT {r}) AS _t(s, b, d, t, m, st, da)"
        for n, r in enumerate((row, nulls, none, row))
    )
    con.execute("CALL space_create('odd', primary_keys => ['id'], source => ?)", [source])
    query = 'SELECT id, told(s, b, d, t, m, st, da) AS x, "Wé ""ird"(b) AS y FROM space_scan(\'odd\')'
    con.execute("CALL space_materialize('mv', ?)", [query])
    assert len(seen) == 3
    assert call(con, "space_refresh('mv', policy => 'full')")[0][1] == "full"
    assert len(seen) == 3
    found = con.execute("SELECT x, y FROM space_scan('mv') ORDER BY id").fetchall()
    assert found[0] == found[3]
    assert found[0][1] == b"\xff\x00"
    assert found[1] == (repr((None,) * 7), None)
    assert found[2] == (None, None)


def test_a_vectorised_function_may_return_arrays_of_numpy(con: Connection) -> None:
    def vectors(names: pa.Array) -> np.ndarray[Any, Any]:
        return np.array([[len(name.as_py()), 1, 2] for name in names], np.float64)

    space_sql.register_function(con, "vectors", vectors, ["VARCHAR"], "FLOAT[3]", version="v1", vectorised=True)
    query = "SELECT id, vectors(name) AS v FROM space_scan('raw')"
    call(con, f"space_materialize('mv', $${query}$$)")
    assert con.execute("SELECT v FROM space_scan('mv') WHERE id = 11").fetchall() == [((3.0, 1.0, 2.0),)]


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (lambda names: pa.array([1]), "gave 1 values for"),
        (lambda names: 1 // 0, "failed: ZeroDivisionError: integer division or modulo by zero"),
        (lambda names: ["a"] * len(names), "failed: Arrow"),
    ],
)
def test_a_function_that_fails_stops_the_refresh(con: Connection, function: Callable[[Any], Any], told: str) -> None:
    space_sql.register_function(con, "broken", function, ["VARCHAR"], "BIGINT", version="v1", vectorised=True)
    line = rf"^Invalid Input Error: invalid-input: the function broken ?{told}.*$"
    with pytest.raises(duckdb.Error, match=line):
        call(con, "space_materialize('mv', $$SELECT id, broken(name) AS b FROM space_scan('raw')$$)")
    space_sql.register_function(con, "broken", pc.utf8_length, ["VARCHAR"], "BIGINT", version="v1", vectorised=True)
    call(con, "space_materialize('mv', $$SELECT id, broken(name) AS b FROM space_scan('raw')$$)")
    before = con.execute("FROM space_scan('mv')").fetchall()
    space_sql.register_function(con, "broken", function, ["VARCHAR"], "BIGINT", version="v2", vectorised=True)
    with pytest.raises(duckdb.Error, match=line):
        call(con, "space_refresh('mv')")
    assert con.execute("FROM space_scan('mv')").fetchall() == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"parameters": []}, "needs a parameter"),
        ({"parameters": ["UUID"]}, "takes no UUID"),
        ({"return_type": "HUGEINT"}, "returns no HUGEINT"),
        ({"return_type": "NOTYPE"}, "NOTYPE is no type"),
        ({"name": "length"}, "there is a function length already"),
        ({"version": ""}, "version is text"),
        ({"version": 3}, "version is text"),
        ({"null_handling": "none"}, "null_handling is default or special"),
    ],
)
def test_what_cannot_be_registered_says_why(con: Connection, arguments: dict[str, Any], told: str) -> None:
    given: dict[str, Any] = {"name": "fn", "parameters": ["VARCHAR"], "return_type": "BIGINT", "version": "v1"}
    with pytest.raises(InvalidInputError, match=told):
        space_sql.register_function(con, function=len, **(given | arguments))


def test_a_refresh_that_fails_leaves_what_it_computed(con: Connection) -> None:
    done: list[str] = []

    def picky(name: str) -> int:
        done.append(name)
        if len(done) == 40:
            raise ValueError("not yet")
        return len(name)

    space_sql.register_function(con, "picky", picky, ["VARCHAR"], "BIGINT", version="v1")
    make = "space_materialize('mv', $$SELECT id, picky(name) AS n FROM space_scan('raw')$$)"
    with pytest.raises(duckdb.Error, match="not yet"):
        call(con, make)
    assert len(done) == 40
    call(con, make)
    assert len(done) == 40 + 50 - 31, "the slice that failed is computed again: 31 rows were done before it"


def test_results_are_kept_for_views_alone(con: Connection) -> None:
    functions = Counted(con)
    failing = "SELECT id, embed(name) AS e, CASE WHEN id = 99 THEN error('half-way') END AS x FROM space_scan('raw')"
    with pytest.raises(duckdb.Error, match="half-way"):
        call(con, f"space_materialize('mv', $${failing}$$)")
    con.execute("SELECT embed('by hand')").fetchall()
    assert not list(computed._open)
    shutil.rmtree("mv")
    con.execute("EXPLAIN CALL space_materialize('mv', 'SELECT id, embed(name) AS e FROM space_scan(''raw'')')")
    con.sql("SELECT embed('by hand')").fetchall()
    assert functions.embedded.count("by hand") == 2
    assert not Path("mv").exists()


def test_a_query_beside_a_refresh_that_failed_is_never_given_null(con: Connection, tmp_path: Path) -> None:
    space_sql.register_function(con, "broken", lambda n: 1 // n, ["BIGINT"], "BIGINT", version="v1")
    instance = ("python", con.execute("SELECT _space_python()").fetchall()[0][0])
    function = computed.KNOWN.get(instance, "broken")
    assert function is not None
    ((beside,),) = con.cursor().execute("SELECT _space_connection()").fetchall()
    refreshing = computed.Computed(tmp_path / "mv", beside, [function.called], sync=False)
    try:
        for _ in range(2):
            with pytest.raises(duckdb.Error, match="the function broken failed: ZeroDivisionError"):
                con.execute("SELECT broken(range) FROM range(3)").fetchall()
        assert con.execute("SELECT broken(1)").fetchall() == [(1,)]
    finally:
        refreshing.end()


def test_two_refreshes_at_once_are_both_right(con: Connection) -> None:
    functions = Counted(con)
    call(con, f"space_materialize('mv', $${QUERY}$$)")
    call(con, "space_update('raw', 'name = ''y'' || id', 'id < 40')")
    said: list[str] = []

    def one(cursor: Connection) -> None:
        try:
            said.append(cursor.execute("SELECT policy FROM space_refresh('mv')").fetchall()[0][0])
        except duckdb.Error as error:
            said.append("conflict" if "conflict" in str(error) else str(error))

    threads = [threading.Thread(target=one, args=(con.cursor(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "incremental" in said
    assert set(said) <= {"incremental", "conflict", "none"}
    assert refreshed(con)[0] == "none"
    assert len(functions.embedded) <= 50 + 80


def test_many_batches_become_few_files(con: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    functions = Counted(con)
    call(con, f"space_materialize('mv', $${QUERY}$$)")
    for number in range(12):
        call(con, f"space_append('raw', 'SELECT {2000 + number} AS id, ''b{number}'' AS name, 1 AS other')")
        call(con, "space_refresh('mv')")
    files = [p for p in Path("mv/computed").rglob("*") if p.is_file()]
    assert len(files) <= 18
    functions.counts  # noqa: B018
    assert refreshed(con, "'mv', policy => 'full'")[0] == "full"
    assert functions.counts == (0, 0)


def test_upkeep_keeps_what_is_needed_and_forgets_the_rest(con: Connection) -> None:
    functions = Counted(con)
    call(con, f"space_materialize('mv', $${QUERY}$$)")
    functions = Counted(con, size="v2")
    refreshed(con)
    long_ago = time.time() - 30 * 24 * 3600
    for path in Path("mv/computed").rglob("*.arrow"):
        os.utime(path, (long_ago, long_ago))
    before = set(Path("mv/computed").rglob("*.arrow"))
    assert call(con, "space_vacuum('mv', older_than => INTERVAL 2 HOUR)") == []
    assert call(con, "space_repair('mv')") == []
    call(con, "space_update('raw', 'name = ''q''', 'id = 1')")
    refreshed(con)
    call(con, "space_expire('mv', keep_last => 1)")
    gone = call(con, "space_vacuum('mv', older_than => INTERVAL 0 SECOND)")
    results = [(file, reason) for file, _, reason in gone if file.startswith("computed/")]
    assert [reason for _, reason in results] == ["expired"]
    assert len(before & set(Path("mv/computed").rglob("*.arrow"))) == len(before) - 1
    functions.embedded, functions.sized = [], []
    assert refreshed(con, "'mv', policy => 'full'")[0] == "full"
    assert functions.counts == (0, 0)
    victim = next(Path("mv/computed").rglob("*.arrow"))
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    ((severity, kind, *_),) = call(con, "space_verify('mv', deep => true)")
    assert (severity, kind) == ("error", "computed")
    call(con, "space_forget('mv', 'id = 5', dry_run => true)")
    assert list(Path("mv/computed").rglob("*.arrow"))
    call(con, "space_forget('mv', 'id = 5')")
    assert not list(Path("mv/computed").rglob("*"))
    call(con, "space_append('raw', 'SELECT 7000 AS id, ''w'' AS name, 1 AS other')")
    assert con.execute("SELECT policy FROM space_refresh('mv')").fetchall() == [("incremental",)]


def test_damaged_results_are_computed_again(con: Connection) -> None:
    functions = Counted(con)
    call(con, f"space_materialize('mv', $${QUERY}$$)")
    for path in Path("mv/computed").rglob("*.arrow"):
        path.write_bytes(path.read_bytes()[:100])
    functions.embedded, functions.sized = [], []
    assert call(con, "space_refresh('mv', policy => 'full')")[0][1] == "full"
    assert functions.counts == (50, 50)


def test_a_long_refresh_shows_how_far_it_is(con: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    from rich.console import Console

    written = io.StringIO()
    monkeypatch.setattr(progress, "QUIET", 0.0)
    monkeypatch.setattr(progress, "console", lambda: Console(file=written, force_terminal=True, width=120))
    Counted(con)
    call(con, f"space_materialize('mv', $${QUERY}$$)")
    assert "embed v1" in written.getvalue()
    assert re.search("5[01] computed", written.getvalue()), "DuckDB 1.5 also asks for NULL"
    assert not list(computed._open)


def test_an_engine_that_is_missing_says_what_brings_it(con: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    functions = Counted(con)
    monkeypatch.setitem(sys.modules, "ray", None)
    missing = "engine => 'ray' needs Ray, which is not installed: pip install 'space-sql\\[ray\\]'"
    with pytest.raises(duckdb.Error, match=missing):
        call(con, f"space_materialize('mv', $${QUERY}$$, engine => 'ray')")
    assert functions.counts == (0, 0)
    call(con, f"space_materialize('mv', $${QUERY}$$, engine => 'local')")
    with pytest.raises(duckdb.Error, match=missing):
        call(con, "space_refresh('mv', engine => 'ray')")


def test_a_link_in_the_place_of_results_is_never_followed(con: Connection, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "inner").mkdir(parents=True)
    (outside / "inner" / "kept.txt").write_text("somebody's")
    link = tmp_path / "raw" / "computed"
    link.symlink_to(outside, target_is_directory=True)
    call(con, "space_forget('raw', 'id = 1')")
    assert not link.is_symlink(), "the link goes, not what it leads to"
    link.mkdir()
    (link / "away").symlink_to(outside, target_is_directory=True)
    call(con, "space_forget('raw', 'id = 2')")
    assert (outside / "inner" / "kept.txt").read_text() == "somebody's"
    shutil.rmtree(link)
    link.symlink_to(outside, target_is_directory=True)
    opened._open.clear()
    with pytest.raises(duckdb.Error, match="is a link that leaves the dataset's folder"):
        call(con, "space_vacuum('raw')")
