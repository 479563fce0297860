"""Calls every function of the extension with anything: `python -m tests.extension.fuzz EXTENSION SEED SECONDS`.

A call may fail with one line. The process must live on, and its database with it. Prints what it did, by outcome.
"""

from __future__ import annotations

import faulthandler
import logging
import random
import re
import sys
import threading
import time
from collections import Counter
from contextlib import suppress

import duckdb

CONFIG = {"allow_unsigned_extensions": "true"}
VALUES = [
    "NULL", "NULL::INTEGER[]", "NULL::STRUCT(a INTEGER)", "''", "'ds'", "'ds@main'", "'.'", "'/'", "'no/where'",
    "'id'", "'id = 1'", "'true) OR (true'", "'SELECT 20 AS id, ''x'' AS s'", "'FROM ds'", "'FROM'",
    "'SELECT * FROM range(0) t(id)'",
    "'main'", "'v1'", "['id']", "[]", "'id BIGINT, s VARCHAR'", "'{}'", "'1|1|1||'", "'['", "'null'",
    "repeat('x', 70000)", "repeat('é', 4500)", "repeat('/a', 3000)", "repeat('@', 3000)", "'a' || chr(0) || 'b'",
    "'\"' || '''' || chr(10)", "0", "-1", "1", "true", "127::TINYINT", "255::UTINYINT", "9223372036854775807",
    "-9223372036854775808", "18446744073709551615::UBIGINT", "170141183460469231731687303715884105727::HUGEINT",
    "340282366920938463463374607431768211455::UHUGEINT", "99999999999999999999999999999999999999::DECIMAL(38, 0)",
    "-0.00001::DECIMAL(9, 5)", "'nan'::DOUBLE", "'-infinity'::FLOAT", "'12345678901234567890123'::BIGNUM",
    "DATE '-infinity'", "TIMESTAMP 'infinity'", "TIMESTAMPTZ '294247-01-10 04:00:54+00'", "TIMESTAMP_NS '2262-04-11'",
    "TIME '24:00:00'", "'00:00:00+15:59'::TIMETZ", "INTERVAL '-1000 years 3 us'", "'10101'::BIT", "'\\xFF\\x00'::BLOB",
    "'6799b4e1-56e2-44b5-b31c-1c8ec245785b'::UUID", "'b'::ENUM('a', 'b')", "union_value(k := 1)", "1::VARIANT",
    "'[1, null]'::JSON", "[1, NULL]", "[[NULL], [], NULL]", "[{'a': 1, 'b': [NULL, 'x']}, NULL]",
    "array_value(1, NULL, 3)",
    "[array_value('x', NULL)]", "MAP {}", "MAP {'k': [1, NULL]}", "{'a': NULL}", "row(1, 'x')", "range(3000)",
    "{'file': 'x', 'row': 1, 'bytes': 1, 'hash': 'h'}", "{'file': '../../x', 'row': -1, 'bytes': -1}",
    "{'file': NULL::VARCHAR, 'row': NULL::BIGINT, 'bytes': NULL::BIGINT}", "{'file': 'x', 'row': 1.5, 'bytes': 1}",
    "{'_space_path': '/etc/passwd', '_space_token': 'x'}", "space_file('x')",
    "list_transform(range(50), x -> {'x': x})",
]  # fmt: skip
ROWS = ["", " FROM range(0) t(i)", " FROM range(5) t(i)", " FROM range(3000) t(i)", " FROM range(100000) t(i)"]
NAMED = [
    "version",
    "as_of",
    "branch",
    "records",
    "columns",
    "source",
    "primary_keys",
    "message",
    "dry_run",
    "keep_last",
]
DUCKDBS = "Positive bignum too large"  # a cast of DuckDB 2.0's own that fails badly
UNCLEAN = re.compile(r"Traceback|INTERNAL|Fatal|FATAL|has been invalidated|SystemError")


def main(extension: str, seed: int, seconds: float) -> None:
    """Fuzz for that long, on three connections, whose statements are interrupted now and then."""
    faulthandler.enable()
    logging.getLogger("space_sql").disabled = True
    con = duckdb.connect("fuzz.duckdb", config=CONFIG)
    con.execute(f"LOAD '{extension}'")
    con.execute("SET threads = 3")
    con.execute("CALL space_create('ds', source => 'SELECT 1::BIGINT AS id, ''a'' AS s', primary_keys => ['id'])")
    con.execute("CALL space_tag('ds', 'v1')")
    found = con.execute(
        "SELECT DISTINCT function_name, function_type, coalesce(parameter_types, []), len(parameters) "
        "FROM duckdb_functions() WHERE regexp_matches(function_name, '^_?space_') ORDER BY ALL"
    ).fetchall()
    outcomes: Counter[str] = Counter()
    until = time.monotonic() + seconds
    cursors = [con.cursor() for _ in range(3)]

    def work(which: int) -> None:
        rng = random.Random(seed * 3 + which)
        while time.monotonic() < until:
            sql = _staging(rng) if rng.random() < 0.15 else _call(rng, *rng.choice(found))
            outcomes[_outcome(cursors[which], sql)] += 1

    threads = [threading.Thread(target=work, args=(which,)) for which in range(3)]
    for thread in threads:
        thread.start()
    rng = random.Random(seed)
    while time.monotonic() < until:
        time.sleep(rng.random())
        rng.choice(cursors).interrupt()
    for thread in threads:
        thread.join()
    _close_while_querying(con)
    if con.execute("SELECT count(*) > 0 FROM space_snapshots('ds')").fetchall() != [(True,)]:
        raise SystemExit("the dataset is gone")
    con.close()
    sys.stdout.write(f"{dict(outcomes)}\n")


def _outcome(con: duckdb.DuckDBPyConnection, sql: str) -> str:
    try:
        rows = con.execute(sql).fetchall()
        said, outcome = " ".join(str(cell) for row in rows[:3] for cell in row if isinstance(cell, str)), "answered"
    except duckdb.Error as error:
        said, outcome = str(error), "interrupted" if isinstance(error, duckdb.InterruptException) else "refused"
    if DUCKDBS in said:
        return outcome
    is_private = re.search(r"\b_space_", sql)
    if (unclean := UNCLEAN.search(said)) or ("internal: " in said and not is_private):
        outcome = "unclean"
        sys.stdout.write(f"{unclean and unclean[0]} in {said[:400]!r}\n  {sql[:400]}\n")
    with suppress(duckdb.InterruptException):
        if con.execute("SELECT 42").fetchall() != [(42,)]:
            raise SystemExit(f"the connection is broken by {sql[:500]}")
    return outcome


def _close_while_querying(con: duckdb.DuckDBPyConnection) -> None:
    """Connections that end while a statement of theirs runs."""
    for statement in (
        "SELECT count(*) FROM range(100000000), 'ds'",
        "SELECT sum(_space_stage(0, {'a': i})) FROM range(90000000) t(i)",
    ):
        mine = con.cursor()

        def run(mine: duckdb.DuckDBPyConnection = mine, statement: str = statement) -> None:
            with suppress(duckdb.Error):
                mine.execute(statement).fetchall()

        thread = threading.Thread(target=run)
        thread.start()
        time.sleep(0.1)
        mine.interrupt()
        with suppress(duckdb.Error):  # DuckDB 2.0 refuses where 1.5 waits
            mine.close()
        thread.join()
        mine.close()


def _call(rng: random.Random, name: str, kind: str, types: list[str | None], count: int) -> str:
    given = [rng.choice(VALUES) for _ in range(max(0, count + rng.choice((-1, 0, 0, 0, 0, 0, 0, 1))))]
    if given and rng.random() < 0.6:
        given[0] = "'ds'"
    if kind == "scalar":
        typed = zip(given, [*types, None, None], strict=False)
        given = [f"try_cast({v} AS {t})" if t and t != "ANY" and rng.random() < 0.9 else v for v, t in typed]
        given = [f"CASE WHEN random() < 0.5 THEN {v} END" if rng.random() < 0.1 else v for v in given]
        return f"SELECT {name}({', '.join(given)}){rng.choice(ROWS)}"
    positional = rng.randint(0, min(3, len(given)))
    named = [f"{rng.choice(NAMED)} => {value}" for value in given[positional:][:2]]
    there = rng.choice(("", "space.")) if kind == "table_macro" else ""
    verb = rng.choice(("FROM", "CALL", "EXPLAIN FROM", "SELECT count(*) FROM", "DESCRIBE FROM"))
    return f"{verb} {there}{name}({', '.join(given[:positional] + named)})"


def _staging(rng: random.Random) -> str:
    """A write of rows of any types."""
    values = rng.sample(VALUES, rng.randint(1, 4))
    columns = [f"CASE WHEN i % {rng.randint(1, 4)} = 0 THEN {v} END AS c{k}" for k, v in enumerate(values)]
    source = f"SELECT i AS id, {', '.join(columns)} FROM range({rng.choice((0, 1, 2047, 2049, 9000))}) t(i)"
    path = f"{rng.random():.9f}"
    write = rng.choice(("space_append", "space_upsert", "space_overwrite"))
    quoted = source.replace("'", "''")
    if rng.random() < 0.5:
        return f"CALL {write}('ds', '{quoted}', evolve => true)"
    create = f"CALL space_create('{path}', source => '{quoted}', primary_keys => ['id'])"
    return f"{create}; SELECT count(*), count(COLUMNS(*)::VARCHAR) FROM '{path}'"


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
