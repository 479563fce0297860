"""What a row costs in each host: the Python host beside the extension, taking turns in one process.

python benchmarks/hosts.py [--rows 1000000] [--repeat 5]

Both write the same rows into a new dataset; a native COPY of them is the lower bound. `staging` counts rows that are
handed over and thrown away, so the host's own cost stands alone. Times are medians, in nanoseconds a row; those of
the processor, of all threads together, tell more where others use the machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import space_sql
from space_sql.functions.calls import SESSIONS
from space_sql.hosts.extension import build

SOURCE = (
    "SELECT range AS id, 'label ' || range % 10 AS label, random() AS score, range % 2 = 0 AS seen, "
    "'image-' || range || '.jpg' AS file FROM range({rows})"
)
_WITHOUT = (
    "import duckdb, time; t = time.process_time(); import space_sql.functions.calls; print(time.process_time() - t)"
)
_LOAD = """
import duckdb, time, sys
con = duckdb.connect(config={{"allow_unsigned_extensions": "true"}})
t = time.process_time(); con.load_extension({file!r}); print(time.process_time() - t)
"""


class Nothing:
    """A write that throws its rows away."""

    def stage(self, rows: object) -> None:
        """Take rows."""

    def abort(self) -> None:
        """Nothing is there."""


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, default=1_000_000)
    asked.add_argument("--repeat", type=int, default=5)
    given = asked.parse_args()
    os.environ["SPACE_SQL_SYNC"] = "off"
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        extension = duckdb.connect(config={"allow_unsigned_extensions": "true"})
        ((platform,),) = extension.execute("PRAGMA platform").fetchall()
        (Path(folder) / build.RECORD).write_text(build.record())
        file = build.build(Path(folder) / build.FILE, platform)
        extension.load_extension(str(file))
        hosts = {"python": space_sql.connect(), "extension": extension}
        for con in hosts.values():
            con.execute(f"CREATE TABLE t AS {SOURCE.format(rows=given.rows)}")
        work: dict[str, Callable[[], None]] = {"copy": lambda: copy(hosts["python"])}
        for name, con in hosts.items():
            work[f"staging, {name}"] = lambda con=con: stage(con)
            work[f"append, {name}"] = lambda con=con, name=name: append(con, name)
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in work}
        for _ in range(given.repeat):
            for name, one in work.items():
                start = time.perf_counter(), time.process_time()
                one()
                taken[name].append((time.perf_counter() - start[0], time.process_time() - start[1]))
        print(f"DuckDB {duckdb.__version__}, {given.rows:,} rows of 5 columns, {given.repeat} rounds")
        for name, times in taken.items():
            wall, cpu = (statistics.median(each) / given.rows * 1e9 for each in zip(*times, strict=True))
            print(f"{name:20} {wall:8.0f} ns a row, {cpu:8.0f} ns of processor time")
        python = statistics.median(seconds(_WITHOUT) for _ in range(given.repeat))
        load = statistics.median(seconds(_LOAD.format(file=str(file))) for _ in range(given.repeat))
        print(f"LOAD in a new process: {load:.3f} s of processor time, import of the Python package {python:.3f} s")


def copy(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("COPY t TO 'copy.parquet'")


def stage(con: duckdb.DuckDBPyConnection) -> None:
    handle = SESSIONS.start(SESSIONS.get("1|1|1||"), Nothing())
    con.execute(f"SELECT count(_space_stage({handle}, r)) FROM t AS r").fetchall()
    SESSIONS.finish(handle)


def append(con: duckdb.DuckDBPyConnection, name: str) -> None:
    path = f"{name}{time.monotonic_ns()}"
    con.execute("CALL space_create(?, source => 't', primary_keys => ['id'])", [path]).fetchall()


def seconds(code: str) -> float:
    root = str(Path(space_sql.__file__).parent.parent)
    env = {**os.environ, "PYTHONPATH": root}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    return float(done.stdout)


if __name__ == "__main__":
    main()
