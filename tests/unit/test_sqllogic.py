"""The sqllogictest runner: what passes, and that what is wrong fails with a message that says where."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.hosts.python import PythonHost
from tests.sqllogic import Skipped, run_file
from tests.sqllogic_records import Failed, left_out, parse

HEADER = "# name: x.test\n# description: a test of the runner\n\n"
HOST = PythonHost(duckdb.connect)


class OneConnection(PythonHost):
    conditions = PythonHost.conditions - {"connections"}


THIS, OTHER = ("duckdb15", "duckdb20") if "duckdb15" in HOST.conditions else ("duckdb20", "duckdb15")


def run(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.test"
    path.write_text(text if text.startswith("# name") else HEADER + text)
    folder = tmp_path / "t"
    folder.mkdir()
    run_file(path, HOST, folder)


PASSING = {
    "rows are compared as text": "query ITRB\nSELECT 1, 'a b', 1.5, true\n----\n1\ta b\t1.5\ttrue\n",
    "NULL and the empty string": "query TT\nSELECT NULL, ''\n----\nNULL\t(empty)\n",
    "no rows": "query I\nSELECT 1 WHERE false\n----\n",
    "control characters are escaped": "query T\nSELECT 'a' || chr(10) || 'b' || chr(9)\n----\na\\nb\\t\n",
    "nested values read as in DuckDB": "query T\nSELECT {'a': [1, NULL]}\n----\n{'a': [1, NULL]}\n",
    "times are shown in UTC": "query T\nSELECT TIMESTAMPTZ '2020-01-01 12:00:00+02'\n----\n2020-01-01 10:00:00+00\n",
    "rowsort ignores the order of rows": "query II rowsort\nVALUES (2, 1), (1, 2)\n----\n1\t2\n2\t1\n",
    "valuesort ignores the order of values": "query II valuesort\nVALUES (2, 1), (1, 2)\n----\n1\t1\n2\t2\n",
    "a cell can be a pattern": "query TI\nSELECT uuid(), 1\n----\n<REGEX>:[0-9a-f-]{36}\t1\n",
    "an expected row may begin with a hash": "query T\nSELECT '# a'\n----\n# a\n",
    "an error is found by substring": "statement error\nSELECT nope\n----\nReferenced column\n",
    "an error is found by pattern": "statement error\nSELECT nope\n----\n<REGEX>:column .nope. was not\n",
    "a statement may have several lines": "statement ok\nCREATE TABLE t AS\n  SELECT 1\n\nquery I\nFROM t\n----\n1\n",
    "loops nest": (
        "statement ok\nCREATE TABLE t (s VARCHAR)\n\nloop i 0 2\n\nforeach x a b\n\nstatement ok\n"
        "INSERT INTO t VALUES ('${x}${i}')\n\nendloop\n\nendloop\n\nquery T\nFROM t\n----\na0\nb0\na1\nb1\n"
    ),
    "guards choose records": (
        f"skipif {THIS}  # not here\nstatement ok\nnonsense\n\nonlyif {OTHER}  # not here\nstatement ok\nnonsense\n\n"
        f"onlyif {THIS}  # here\nquery I\nSELECT 1\n----\n1\n"
    ),
    "connections share the database and not their temporary tables": (
        "statement ok\nCREATE TABLE t AS SELECT 1 AS i\n\nconnection b\nstatement ok\nCREATE TEMP TABLE u AS FROM t\n\n"
        "connection b\nquery I\nFROM u\n----\n1\n\nstatement error\nFROM u\n----\nu does not exist\n"
    ),
    "a loaded file survives a restart, temporary tables do not": (
        "load a.db\n\nstatement ok\nCREATE TABLE t AS SELECT 1 AS i\n\nstatement ok\nCREATE TEMP TABLE u AS FROM t\n\n"
        "restart\n\nquery I\nFROM t\n----\n1\n\nstatement error\nFROM u\n----\nu does not exist\n"
    ),
    "a file can be opened to read only": (
        "load a.db\n\nstatement ok\nCREATE TABLE t AS SELECT 1 AS i\n\nload a.db readonly\n\nstatement error\n"
        "INSERT INTO t VALUES (2)\n----\nread-only\n\nquery I\nFROM t\n----\n1\n"
    ),
    "reconnect keeps the database and drops the session": (
        "statement ok\nCREATE TABLE t AS SELECT 1 AS i\n\nstatement ok\nCREATE TEMP TABLE u AS FROM t\n\nreconnect\n\n"
        "query I\nFROM t\n----\n1\n\nstatement error\nFROM u\n----\nu does not exist\n"
    ),
    "folders are substituted": (
        "statement ok\nCOPY (SELECT 1 AS i) TO '${TEST_DIR}/i.csv'\n\nquery I\nFROM '${TEST_DIR}/i.csv'\n----\n1\n\n"
        "query I\nSELECT count(*) FROM '${DATA_DIR}/label_studio/boxes/v1.json'\n----\n110\n"
    ),
}

FAILING = {
    "a wrong value": ("query I\nSELECT 1\n----\n2\n", "line 4: query I\nSELECT 1\n\nexpected:\n2\nactual:\n1"),
    "a missing row": ("query I\nSELECT 1\n----\n1\n1\n", "expected:\n1\n1\nactual:\n1"),
    "an unexpected row": ("query I\nSELECT 1\n----\n", "expected:\n(no rows)\nactual:\n1"),
    "another order": ("query I\nVALUES (2), (1)\n----\n1\n2\n", "actual:\n2\n1"),
    "another value under rowsort": ("query I rowsort\nVALUES (2), (1)\n----\n1\n3\n", "actual:\n1\n2"),
    "too many columns": ("query I\nSELECT 1, 2\n----\n1\n", "'I' expects 1 columns, the result has 2"),
    "a text where an integer is due": ("query I\nSELECT 'a'\n----\na\n", "type I does not fit the value a"),
    "a pattern that matches a part only": ("query T\nSELECT 'abc'\n----\n<REGEX>:b\n", "actual:\nabc"),
    "an interval": ("query T\nSELECT INTERVAL 1 MONTH AS i\n----\n1 month\n", "Python loses detail of i"),
    "an infinite date": ("query T\nSELECT 'infinity'::DATE AS d\n----\ninfinity\n", "Python loses detail of d"),
    "an error in a query": ("query I\nSELECT nope\n----\n1\n", "unexpected error:\nBinder Error"),
    "an error in a statement": ("statement ok\nSELECT nope\n", "unexpected error:\nBinder Error"),
    "no error": ("statement error\nSELECT 1\n----\nnope\n", "no error, but one was expected:\nnope"),
    "another error": ("statement error\nSELECT nope\n----\nother\n", "expected in the error:\nother\nactual:\nBinder"),
    "one of two expected lines": ("statement error\nSELECT nope\n----\nnope\nother\n", "expected in the error:\nother"),
    "a traceback": (
        "statement error\nSELECT error('Traceback (most recent call last)')\n----\nmost recent\n",
        "the first line of the error holds 'Traceback'",
    ),
    "a failure on another connection": ("connection b\nstatement ok\nnope\n", "statement ok on connection b"),
    "a failure inside a loop": ("loop i 0 2\n\nquery I\nSELECT ${i}\n----\n0\n\nendloop\n", "SELECT 1\n\nexpected:\n0"),
}

MALFORMED = {
    "no header": ("# name: x\n\nstatement ok\nSELECT 1\n", "does not begin with '# description: …'"),
    "an unknown record": ("statment ok\nSELECT 1\n", "'statment' is a record of one line"),
    "an unknown record of one line": ("halt\n", "'halt' is not a record"),
    "an unknown type": ("query X\nSELECT 1\n----\n1\n", "'X' has a type that is none of"),
    "an unknown sort": ("query I colsort\nSELECT 1\n----\n1\n", "'query I colsort' is not a record"),
    "an error without its text": ("statement error\nSELECT nope\n", "nothing is expected"),
    "an error with an empty text": ("statement error\nSELECT nope\n----\n", "nothing is expected"),
    "a query without a result": ("query I\nSELECT 1\n", "nothing is expected"),
    "a statement without SQL": ("statement ok\n", "'statement' needs SQL below it"),
    "a loop without an end": ("loop i 0 2\n\nstatement ok\nSELECT 1\n", "line 4: this loop has no endloop"),
    "an end without a loop": ("endloop\n", "'endloop' is not a record"),
    "a guard without a reason": ("skipif duckdb15\nstatement ok\nSELECT 1\n", "gives no reason"),
    "a guard without a known condition": (
        "onlyif java # x\nstatement ok\nSELECT 1\n",
        "'onlyif' takes one of connections, duckdb15",
    ),
    "a requirement without a reason": ("require duckdb15\n", "gives no reason"),
    "a guard without a record": ("skipif duckdb15 # x\n\nstatement ok\nSELECT 1\n", "no record follows this line"),
}


@pytest.mark.parametrize("text", PASSING.values(), ids=PASSING)
def test_passes(tmp_path: Path, text: str) -> None:
    run(tmp_path, text)


@pytest.mark.parametrize(("text", "message"), (FAILING | MALFORMED).values(), ids=FAILING | MALFORMED)
def test_fails(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises((Failed, AssertionError)) as caught:
        run(tmp_path, text)
    assert message in str(caught.value)


def test_an_unmet_requirement_skips_the_rest(tmp_path: Path) -> None:
    with pytest.raises(Skipped, match="line 7: for this test"):
        run(tmp_path, f"statement ok\nSELECT 1\n\nrequire {OTHER}  # for this test\n\nstatement ok\nnonsense\n")


def test_a_host_with_one_connection_leaves_a_file_where_it_needs_another(tmp_path: Path) -> None:
    alone = OneConnection(duckdb.connect)
    for line in ("connection other\nstatement ok\nSELECT 1", "reconnect"):
        (tmp_path / "x.test").write_text(f"{HEADER}{line}\n")
        with pytest.raises(Skipped, match=r"line [45]: needs several connections to one database"):
            run_file(tmp_path / "x.test", alone, tmp_path)


def test_what_a_host_leaves_out_is_known_without_running_it() -> None:
    text = (
        f"{HEADER}skipif shell  # one\nstatement ok\nSELECT 1\n\nloop i 0 2\n\nonlyif python  # two\nstatement ok\n"
        "SELECT 1\n\nendloop\n\nrequire connections  # three\n\nskipif shell  # one\nstatement ok\nSELECT 1\n"
    )
    assert left_out(parse(text), {"shell"}) == ("three", {"one": 1, "two": 1})
    assert left_out(parse(text), {"python", "connections"}) == (None, {})
