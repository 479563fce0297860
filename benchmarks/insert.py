"""INSERT INTO 'path' and space_insert against plain Parquet by COPY; see README.md beside this file.

python benchmarks/insert.py [--rows 1000000] [--repeat 5] [--folder /where]
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import duckdb
from machine import machine

import space_sql

BUDGET = 1.3
COLUMNS = (
    'id BIGINT, grp INTEGER, x DOUBLE, y DOUBLE, label VARCHAR, name VARCHAR, "at" TIMESTAMP, tags INTEGER[], '
    "info STRUCT(a INTEGER, b DOUBLE)"
)
ROWS = """CREATE OR REPLACE TEMP TABLE src AS SELECT
  {key} AS id, (i * 7919 % 1000)::INTEGER AS grp, i % 100000 / 7.0::DOUBLE AS x, random() AS y,
  'label_' || (i % 50) AS label, md5(i::VARCHAR) AS name, TIMESTAMP '2024-01-01' + to_seconds(i) AS "at",
  [i % 10, i % 7]::INTEGER[] AS tags, {{'a': (i % 100)::INTEGER, 'b': i / 3.0::DOUBLE}} AS info
FROM range({rows}) AS t(i)"""
KEYS = {"keys in order": "i::BIGINT", "keys without order": "(i * 7368787 % 1000000007)::BIGINT"}
WAYS = {
    "COPY": "COPY (FROM src) TO '{path}.parquet' (FORMAT parquet)",
    "COPY, our settings": (
        "COPY (FROM src) TO '{path}.d' (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 122880, "
        "FILE_SIZE_BYTES '256MiB')"
    ),
    "INSERT INTO": "INSERT INTO '{path}' FROM src",
    "INSERT INTO, synced": "INSERT INTO '{path}' FROM src",
    "space_insert": "CALL space_insert('{path}', 'FROM src')",
}


def once(con: duckdb.DuckDBPyConnection, way: str, path: Path) -> tuple[float, float]:
    """Seconds of the processors and on the clock."""
    if "COPY" not in way:
        con.execute(f"SET VARIABLE space_sync = {str('synced' in way).lower()}")
        con.execute(f"CALL space_create('{path}', columns => $1, primary_keys => ['id'])", [COLUMNS]).fetchall()
    used, start = time.process_time(), time.perf_counter()
    con.execute(WAYS[way].format(path=path)).fetchall()
    return time.process_time() - used, time.perf_counter() - start


def main() -> int:
    """Let all ways take turns; 1 when INSERT is over its budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="space-bench-", dir=asked.folder))
    print(
        f"DuckDB {duckdb.__version__}, {asked.rows:,} rows, {machine()['cores']} cores, load {os.getloadavg()[0]:.0f}"
    )
    over = False
    try:
        with space_sql.connect() as con:
            for keys, key in KEYS.items():
                con.execute(ROWS.format(key=key, rows=asked.rows))
                taken: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
                for turn in range(asked.repeat):
                    for number, way in enumerate(WAYS):
                        taken[way].append(once(con, way, folder / f"{turn}-{number}"))
                    for left in folder.iterdir():
                        shutil.rmtree(left) if left.is_dir() else left.unlink()
                least = {way: [min(column) for column in zip(*times, strict=True)] for way, times in taken.items()}
                print(f"\n| {keys} | processor time | ratio | on the clock | ratio | budget |")
                print("|---|---:|---:|---:|---:|---:|")
                for way, (used, passed) in least.items():
                    ratios = used / least["COPY"][0], passed / least["COPY"][1]
                    budget = f"{BUDGET}" if way == "INSERT INTO" else ""
                    over |= bool(budget) and ratios[0] > BUDGET
                    print(f"| {way} | {used:.2f} s | {ratios[0]:.2f} | {passed:.2f} s | {ratios[1]:.2f} | {budget} |")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return over


if __name__ == "__main__":
    sys.exit(main())
