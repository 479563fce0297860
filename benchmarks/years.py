"""Years of single annotations: one-row commits by the ten thousands, tags among them, and what reading then costs.

python benchmarks/years.py [--commits 100000] [--tags 1000]

Each DuckDB line is a run of its own, with its own Python; results/years-<line>.jsonl is what it measured, and
years.md the table of all lines that are there.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
from machine import machine

import space_sql
from space_sql.dataset.dataset import open_dataset
from space_sql.format.commit import Commit

HERE = Path(__file__).resolve().parent
POINTS = (300, 1_000, 3_000, 10_000, 30_000, 100_000)
REPEAT = 7
COMMITS = 20

MEASURES = {
    "open": "open and count the rows, under a folder name that the process has not seen",
    "commit": "commit of one row, median of 20",
    "key": "`id = k`",
    "scan": "aggregate over all rows",
    "newest": "`space_snapshots`: the 20 newest",
    "snapshots": "`space_snapshots`: all of them",
    "refs": "`space_refs`",
    "files": "data files",
    "log bytes": "bytes of the log, for each entry",
}


class History:
    """A dataset that annotators write to, one row at a time: two of three rows are new, one replaces an older row."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "annotations"
        self.con = space_sql.connect()
        self.con.execute("SET VARIABLE space_sync = false")
        self.call("create", columns="id BIGINT, label VARCHAR, score DOUBLE", primary_keys=["id"])
        self.commits = self.rows = self.tags = self.opened = 0

    def call(self, function: str, *arguments: str, **named: Any) -> None:
        """A write as a user types it."""
        listed = [f"'{self.path}'", *(f"'{a}'" for a in arguments), *(f"{k} => {v!r}" for k, v in named.items())]
        self.con.execute(f"CALL space_{function}({', '.join(listed)})")

    def commit(self) -> None:
        """One row."""
        number = self.commits
        self.commits += 1
        row = f"{number} / 64.0 AS score"
        if number % 3 == 2:
            self.call("upsert", f"SELECT {number * 7919 % self.rows} AS id, {row}")
        else:
            self.call("append", f"SELECT {self.rows} AS id, upper(md5({number}::VARCHAR)) AS label, {row}")
            self.rows += 1

    def grow(self, until: int, every: int, tags: int) -> None:
        """Commits straight to the log, each with one row in the place of one that has the same content."""
        log = open_dataset(str(self.path)).log
        refs = log.head()
        head = refs.branches["main"]
        state = log.state(head)
        file = min(state.files.values(), key=lambda f: f.bytes)
        kept: Any = {"branch": "main", "operation": "overwrite", "rows_inserted": file.live, "rows_deleted": file.live}
        while self.commits < until:
            number = log.head().snapshot_id + 1
            added = (replace(file, number=0),)
            time_ = refs.time + number
            commit = Commit(number, head, time=time_, files_removed=(file.number,), files_added=added, **kept)
            commit = commit.numbered(number)
            log.publish(commit, sync=False)
            (file,), head = commit.files_added, number
            self.commits += 1
            if self.commits % every == 0 and self.tags < tags:
                self.tag()

    def tag(self) -> None:
        """A tag on the head."""
        self.call("tag", f"v{self.tags}")
        self.tags += 1

    def query(self, sql: str) -> Any:
        """All rows of a query; ``{d}`` is the dataset."""
        return self.con.execute(sql.format(d=self.path)).fetchall()

    def open(self) -> Any:
        """As if for the first time."""
        self.opened += 1
        alias = self.folder / f"alias{self.opened}"
        alias.symlink_to(self.path)
        return self.con.execute(f"SELECT row_count FROM space_info('{alias}')").fetchall()

    def measure(self) -> Iterator[tuple[str, float]]:
        """All measures as things stand: seconds, or counts."""
        reads: dict[str, Callable[[], Any]] = {
            "open": self.open,
            "key": lambda: self.query(f"FROM space_scan('{{d}}') WHERE id = {self.rows * 2 // 3}"),
            "scan": lambda: self.query("SELECT count(*), sum(score), count(label) FROM space_scan('{d}')"),
            "newest": lambda: self.query("FROM space_snapshots('{d}') LIMIT 20"),
            "snapshots": lambda: self.query("SELECT count(*), max(snapshot_time) FROM space_snapshots('{d}')"),
            "refs": lambda: self.query("SELECT count(*) FROM space_refs('{d}')"),
        }
        assert reads["scan"]()[0][0] == self.rows
        assert reads["snapshots"]()[0][0] == self.commits + self.tags + 1
        assert reads["refs"]()[0][0] == self.tags + 1
        for name, read in reads.items():
            took = [seconds(read) for _ in range(REPEAT)]
            yield name, min(wall for wall, _ in took)
            yield f"{name} cpu", min(cpu for _, cpu in took)
        took = [seconds(self.commit) for _ in range(COMMITS)]
        yield "commit", statistics.median(wall for wall, _ in took)
        yield "commit cpu", statistics.median(cpu for _, cpu in took)
        yield "files", self.query("SELECT count(*) FROM space_files('{d}')")[0][0]
        log = [entry.stat().st_size for entry in os.scandir(self.path / "log")]
        yield "log bytes", sum(log) / (self.commits + self.tags + 1)


def seconds(run: Callable[[], Any]) -> tuple[float, float]:
    """How long something takes, and how much processor time."""
    start, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - start, time.process_time() - cpu


def main() -> None:
    """Make the history, measure on the way, write what was measured and the table."""
    parser = argparse.ArgumentParser(description="Measure a dataset of very many small commits.")
    parser.add_argument("--commits", type=int, default=100_000, help="commits in the end (100,000)")
    parser.add_argument("--real", type=int, default=30_000, help="those of them that are SQL statements (30,000)")
    parser.add_argument("--tags", type=int, default=1_000, help="tags in the end (1,000)")
    parser.add_argument("--results", type=Path, default=HERE / "results", help="where raw numbers go")
    parser.add_argument("--report", type=Path, default=HERE / "years.md", help="the table")
    asked = parser.parse_args()
    line = ".".join(duckdb.__version__.split(".")[:2])
    lines: list[dict[str, Any]] = [
        {"machine": machine(), "versions": {"space_sql": space_sql.__version__, "duckdb": duckdb.__version__}}
    ]
    every = max(1, asked.commits // max(1, asked.tags))
    with tempfile.TemporaryDirectory(prefix="space-years-") as folder:
        history = History(Path(folder))
        for point in sorted({p for p in POINTS if p < asked.commits} | {asked.commits}):
            while history.commits < min(point, asked.real):
                history.commit()
                if history.commits % every == 0 and history.tags < asked.tags:
                    history.tag()
            history.grow(point, every, asked.tags)
            found = dict(history.measure())
            counts = {"commits": point, "real": min(point, asked.real), "tags": history.tags}
            lines.append({**counts, "load": os.getloadavg()[0], **found})
            print(json.dumps(lines[-1]), flush=True)
            asked.results.mkdir(parents=True, exist_ok=True)
            text = "".join(json.dumps(told) + "\n" for told in lines)
            (asked.results / f"years-{line}.jsonl").write_text(text)
    asked.report.write_text(report(asked.results))


def report(results: Path) -> str:
    """The tables of all lines that were measured."""
    parts = [
        "# Years of small commits\n",
        "Made by `benchmarks/years.py`: commits of one row without syncing, a third of them replacing a row, with tags "
        "among them. So many of them are SQL statements as the table says; the others are written straight to the "
        f"log, with their checkpoints, and replace one small file each. Times are the least of {REPEAT}, and in "
        "brackets the least processor time, which other work on the machine changes less. The raw numbers are in "
        "`results/years-<line>.jsonl`.\n",
    ]
    for file in sorted(results.glob("years-*.jsonl"), reverse=True):
        head, *points = [json.loads(text) for text in file.read_text().splitlines()]
        loads = [p["load"] for p in points]
        parts.append(f"## DuckDB {head['versions']['duckdb']}\n")
        parts.append("| after | " + " | ".join(f"{p['commits']:,} commits, {p['tags']:,} tags" for p in points) + " |")
        parts.append("|---|" + "---:|" * len(points))
        parts.append("| of them SQL statements | " + " | ".join(f"{p['real']:,}" for p in points) + " |")
        for name, label in MEASURES.items():
            parts.append(f"| {label} | " + " | ".join(shown(name, p) for p in points) + " |")
        told = head["machine"]
        parts.append(
            f"\n{told['processor']}, {told['cores']} cores, {told['memory_gib']} GiB, {told['system']}; "
            f"{told['date']}; load average {min(loads):.1f} to {max(loads):.1f}.\n"
        )
    return "\n".join(parts)


def shown(name: str, point: dict[str, Any]) -> str:
    """A measure as text."""
    value = point[name]
    if name in ("files", "log bytes"):
        return f"{value:,.0f}"
    return f"{value * 1000:.1f} ms ({point[f'{name} cpu'] * 1000:.1f})"


if __name__ == "__main__":
    main()
