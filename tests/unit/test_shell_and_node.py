"""The DuckDB shell and Node give what Python gives: DuckDB's text of every value, and its errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from tests.hosts.child import Child
from tests.hosts.node import NodeHost, missing
from tests.hosts.python import PythonHost
from tests.hosts.shell import ShellHost, shell
from tests.sqllogic import Connection, Error, Host

HOSTS: dict[str, Callable[[], Host]] = {
    "python": lambda: PythonHost(duckdb.connect),
    "shell": lambda: ShellHost(shell()),
    "node": NodeHost,
}
ABSENT = {"python": None, "shell": None if shell() else "duckdb-cli is not installed", "node": missing()}

VALUES = [
    "NULL",
    "''",
    "'NULL'",
    "'null'",
    "'a\nb\r\n\tc'",
    "'a|b,c;\"d\"'",
    "'größe 日本 🦆'",
    "'a' || chr(0) || 'b'",
    "'a' || chr(27) || '[31m' || chr(31) || chr(30)",
    "' a '",
    "true",
    "(-128)::TINYINT",
    "65535::USMALLINT",
    "-9223372036854775808",
    "18446744073709551615::UBIGINT",
    "170141183460469231731687303715884105727::HUGEINT",
    "340282366920938463463374607431768211455::UHUGEINT",
    "'123456789012345678901234567890123456789012345678901234567890'::BIGNUM",
    "1.50::DECIMAL(5, 2)",
    "0.0000001::DECIMAL(18, 7)",
    "12345678901234567890123456789012345.678::DECIMAL(38, 3)",
    "0.1::FLOAT",
    "16777216::FLOAT",
    "3.4e38::FLOAT",
    "1e-5",
    "1e15::DOUBLE",
    "1e16::DOUBLE",
    "'-0.0'::DOUBLE",
    "'nan'::DOUBLE",
    "'-infinity'::DOUBLE",
    "DATE '0005-01-02'",
    "DATE '5000000-01-01'",
    "DATE '0044-03-15 (BC)'",
    "TIMESTAMP '2020-01-02 03:04:05.600000'",
    "TIMESTAMPTZ '2020-01-02 03:04:05+05:30'",
    "TIMESTAMP_S '2020-01-02 03:04:05'",
    "TIMESTAMP_MS '2020-01-02 03:04:05.678'",
    "TIME '01:02:03.000100'",
    "'12:00:00.25-15:59:59'::TIMETZ",
    r"'\xAA\x00ab\x27\x22\x5C ~'::BLOB",
    "'0101'::BIT",
    "'6799b4e1-56e2-44b5-b31c-1c8ec245785b'::UUID",
    "'happy'::ENUM('happy', 'sad')",
    """'{"a": [1, null]}'::JSON""",
    "[]",
    "[1, NULL]",
    "['a b', '', ' a', 'null', 'it''s', 'a,b', 'a\"b', '(', NULL]",
    "[0.1::FLOAT, 1e10::FLOAT]",
    "[TIMESTAMP '2020-01-02 03:04:05', NULL]",
    "[['a'], [NULL], NULL]",
    "array_value(1, 2)",
    """['{"a": 1}'::JSON]""",
    "{'a': [1, 2], 'b c': NULL, 'd''e': {'f': TIME '12:00:00'}}",
    "[{'u': '6799b4e1-56e2-44b5-b31c-1c8ec245785b'::UUID, 'd': 1.50::DECIMAL(5, 2)}]",
    "MAP {'a': [1], 'b c': NULL}",
    "MAP {[1]: {'k': 'v'}}",
    "MAP {}",
]
# What Python cannot fetch without loss; its host refuses them.
FINE_VALUES = [
    "DATE '-infinity'",
    "TIMESTAMP 'infinity'",
    "TIMESTAMP_NS '2020-01-02 03:04:05.123456789'",
    "INTERVAL '13 months -3 days 04:05:06.7'",
    "union_value(s := 'a b')",
    "[{'k': union_value(n := 2)}]",
]
ERRORS = {
    "a name that is not there": ("SELECT nope", 'Binder Error: Referenced column "nope" was not found'),
    "a syntax error": ("SELEC 1", 'Parser Error: syntax error at or near "SELEC"'),
    "a quote that is not closed": ("SELECT 'abc", "Parser Error: unterminated "),
    "an error in the last of many rows": (
        "SELECT CASE WHEN i = 9999 THEN error('too far') ELSE i END FROM range(10000) t(i)",
        "Invalid Input Error: too far",
    ),
    "several lines": ("SELECT error('kind: a' || chr(10) || 'b')", "Invalid Input Error: kind: a\nb"),
    "one of several statements": ("SELECT 1; SELECT error('second'); SELECT 3", "Invalid Input Error: second"),
}


@pytest.fixture(scope="module", params=HOSTS)
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    if ABSENT[request.param]:
        pytest.skip(ABSENT[request.param])
    host = HOSTS[request.param]()
    yield host
    if isinstance(host, NodeHost):
        host.close()


@pytest.fixture
def con(host: Host) -> Iterator[Connection]:
    con = host.connect(":memory:", read_only=False)
    yield con
    con.close()


def test_values_are_text_as_duckdb_casts_them(con: Connection) -> None:
    for value in VALUES:
        [[shown, cast]] = con.execute(f"SELECT {value}, coalesce(CAST({value} AS VARCHAR), 'NULL')")
        assert shown == cast, value


def test_values_that_python_loses_are_exact_or_refused(con: Connection, host: Host) -> None:
    for value in FINE_VALUES:
        query = f"SELECT {value}, CAST({value} AS VARCHAR)"
        if isinstance(host, PythonHost):
            with pytest.raises(AssertionError, match="Python loses detail"):
                con.execute(query)
        else:
            [[shown, cast]] = con.execute(query)
            assert shown == cast, value


def test_a_row_without_names_is_exact_or_refused(con: Connection, host: Host) -> None:
    if isinstance(host, NodeHost):
        with pytest.raises(Error, match="Node loses"):
            con.execute("SELECT row(1, 2)")
    else:
        assert con.execute("SELECT row(1, 2)") == [["(1, 2)"]]


def test_rows_keep_their_number_order_and_width(con: Connection) -> None:
    assert con.execute("SELECT 1 WHERE false") == []
    assert con.execute("SELECT NULL, '', 'NULL'") == [["NULL", "", "NULL"]]
    assert con.execute("SELECT '' FROM range(3)") == [[""]] * 3
    assert con.execute("SELECT 1 AS a, 2 AS a") == [["1", "2"]]
    assert con.execute("SELECT i, chr(10) FROM range(5000) t(i) ORDER BY i")[4999] == ["4999", "\n"]


def test_the_last_of_several_statements_gives_the_rows(con: Connection) -> None:
    assert con.execute("CREATE TABLE t AS SELECT 1 AS i; INSERT INTO t VALUES (2); FROM t ORDER BY i") == [["1"], ["2"]]


@pytest.mark.parametrize(("sql", "message"), ERRORS.values(), ids=ERRORS)
def test_an_error_is_duckdbs_and_the_session_goes_on(con: Connection, sql: str, message: str) -> None:
    with pytest.raises(Error) as caught:
        con.execute(sql)
    assert str(caught.value).startswith(message)
    assert con.execute("SELECT 1") == [["1"]]


def test_statements_behind_a_failing_one_do_not_run(con: Connection) -> None:
    with pytest.raises(Error):
        con.execute("CREATE TABLE a (i INT); SELECT error('no'); CREATE TABLE b (i INT)")
    assert con.execute("SELECT table_name FROM duckdb_tables()") == [["a"]]


def test_a_transaction_and_variables_last_over_statements(con: Connection) -> None:
    con.execute("SET VARIABLE v = 'x'")
    con.execute("BEGIN")
    con.execute("CREATE TABLE t AS SELECT getvariable('v') AS v")
    assert con.execute("FROM t") == [["x"]]
    con.execute("ROLLBACK")
    with pytest.raises(Error, match="t does not exist"):
        con.execute("FROM t")


def test_a_file_can_be_closed_and_opened_again_to_read_only(host: Host, tmp_path: Path) -> None:
    file = str(tmp_path / "a file.db")
    con = host.connect(file, read_only=False)
    con.execute("CREATE TABLE t AS SELECT 1 AS i")
    con.close()
    con = host.connect(file, read_only=True)
    assert con.execute("FROM t") == [["1"]]
    with pytest.raises(Error, match="read-only"):
        con.execute("INSERT INTO t VALUES (2)")
    con.close()


def test_relative_paths_start_in_the_current_folder(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    con = host.connect(":memory:", read_only=False)
    con.execute("COPY (SELECT 1 AS i) TO 'i.csv'")
    con.close()
    assert (tmp_path / "i.csv").read_text() == "i\n1\n"


def test_connections_share_a_database_where_a_host_has_several(con: Connection, host: Host) -> None:
    if "connections" not in host.conditions:
        pytest.skip("needs several connections to one database")
    con.execute("CREATE TABLE t AS SELECT 1 AS i")
    con.execute("CREATE TEMP TABLE u AS FROM t")
    other = con.cursor()
    assert other.execute("FROM t") == [["1"]]
    with pytest.raises(Error, match="u does not exist"):
        other.execute("FROM u")
    other.close()


def test_a_program_that_dies_or_ends_badly_is_a_failure() -> None:
    dying = Child(["sh", "-c", "read x; echo sorry >&2; kill -SEGV $$"])
    with pytest.raises(AssertionError, match=r"died with -11:\nsorry"):
        dying.ask("go\n", "never")
    ending = Child(["sh", "-c", "read x; exit 3"])
    with pytest.raises(AssertionError, match="ended with 3"):
        ending.close("bye\n")


def test_a_program_that_hangs_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.hosts.child.SECONDS", 0.2)
    child = Child(["cat"])
    with pytest.raises(AssertionError, match=r"gave no answer"):
        child.ask("go\n", "never")
