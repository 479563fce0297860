"""Refreshing materialized views by what changed, against computing them anew; see README.md beside this file.

python benchmarks/views.py [--rows 10000000] [--repeat 3] [--only filter,join] [--where recent] [--folder /where]
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
from machine import machine

import space_sql

HERE = Path(__file__).parent
FRACTIONS = (0.0001, 0.01, 0.1)
WHERE = {
    "appended": "new rows only",
    "recent": "half of them updates and a quarter deletions of the newest rows, a quarter new rows",
    "everywhere": "the same, with updates and deletions evenly over all rows: every row group has some",
}
BUDGETS = dict.fromkeys([("filter", 0.01), ("join", 0.01), ("aggregate", 0.0001), ("join + aggregate", 0.0001)], 10.0)
VIEWS = {
    "filter": "SELECT id, upper(name) AS name, n * 2 AS n, score FROM {raw} WHERE n % 2 = 0",
    "join": "SELECT r.id, r.n, r.score, d.label FROM {raw} AS r JOIN {dim} AS d ON r.dim_id = d.dim_id",
    "aggregate": "SELECT grp, count(*) AS rows, sum(n) AS n, avg(n) AS mean FROM {raw} GROUP BY grp",
    "aggregate of floats": "SELECT grp, count(*) AS n, sum(score) AS score, max(score) AS top FROM {raw} GROUP BY grp",
    "join + aggregate": (
        "SELECT d.label, count(*) AS rows, sum(r.n) AS n FROM {raw} AS r JOIN {dim} AS d ON r.dim_id = d.dim_id "
        "GROUP BY d.label"
    ),
}
DIMENSION = "SELECT range AS dim_id, 'label_' || (range % 1000) AS label FROM range(100000)"


def rows_sql(first: int, count: int, step: int = 1, bonus: int = 0) -> str:
    """A query of rows with ids ``first, first + step, …``; scores are multiples of 1/64, so that sums are exact."""
    return (
        f"SELECT i AS id, left(md5(i::VARCHAR), 12) AS name, ((i * 7919) % 1000)::INTEGER AS grp, "
        f"(i * 48271) % 100000 AS dim_id, (i * 31) % 1009 + {bonus} AS n, "
        f"((i * 48271) % 65536) / 64.0 + {bonus} AS score "
        f"FROM (SELECT {first} + range * {step} AS i FROM range({count}))"
    )


class Bench:
    """The sources, as datasets and as plain files, and the views over them."""

    def __init__(self, folder: Path, rows: int, con: duckdb.DuckDBPyConnection) -> None:
        self.folder, self.rows, self.con = folder, rows, con
        self.next_id, self.turn = rows, 0
        self.samples: list[dict[str, Any]] = []
        self.run(f"CALL space_create('{folder}/raw', source => $${rows_sql(0, rows)}$$, primary_keys => ['id'])")
        self.run(f"CALL space_create('{folder}/dim', source => $${DIMENSION}$$, primary_keys => ['dim_id'])")

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a statement."""
        return self.con.execute(sql).fetchall()

    def over_datasets(self, view: str) -> str:
        """The query of a view over the datasets."""
        return VIEWS[view].format(raw=f"space_scan('{self.folder}/raw')", dim=f"space_scan('{self.folder}/dim')")

    def change(self, fraction: float, where: str) -> None:
        """Change a fraction of the rows, as WHERE says."""
        self.turn += 1
        count = max(4, int(self.rows * fraction))
        path = f"{self.folder}/raw"
        first, self.next_id = self.next_id, self.next_id + (count if where == "appended" else count // 4)
        if where == "appended":
            self.run(f"CALL space_append('{path}', $${rows_sql(first, count)}$$)")
            return
        step = max(1, self.rows // (count // 2)) if where == "everywhere" else 1
        start = self.turn % step if where == "everywhere" else first - count // 2
        updated = rows_sql(start, count // 2, step, bonus=self.turn)
        self.run(f"CALL space_upsert('{path}', $${updated} UNION ALL {rows_sql(first, count // 4)}$$)")
        wide = max(1, self.rows // (count // 4))
        gone = f"id < {self.rows} AND id % {wide} = {(self.turn * 7 + 3) % wide}"
        if where == "recent":
            gone = f"id BETWEEN {first - count // 2} AND {first - count // 4 - 1}"
        self.run(f"CALL space_delete('{path}', '{gone}')")

    def measured(self, what: str, view: str, fraction: float, where: str, act: Callable[[], Any]) -> Any:
        """Do something and keep how long it took; what was written before is on the disk by then."""
        os.sync()
        start = time.perf_counter()
        result = act()
        seconds = time.perf_counter() - start
        told = {"view": view, "fraction": fraction, "where": where, "what": what, "seconds": seconds}
        self.samples.append(told | {"load": os.getloadavg()[0]})
        print(f"{view:20} {fraction:8.4%} {where:10} {what:12} {seconds * 1000:10.1f} ms", flush=True)
        return result

    def refresh(self, view: str, policy: str) -> dict[str, Any]:
        """Refresh a view; returns the result's row."""
        sql = f"SELECT policy, rows_inserted, rows_updated, rows_deleted, reason FROM space_refresh('{self.path(view)}'"
        ((*row,),) = self.run(f"{sql}, policy => '{policy}')")
        return dict(zip(("policy", "inserted", "updated", "deleted", "reason"), row, strict=True))

    def path(self, view: str) -> str:
        """The folder of a view."""
        return f"{self.folder}/{view.replace(' ', '_').replace('+', 'and')}"

    def recomputed(self, view: str, plain: str) -> None:
        """The query over plain files into another plain file."""
        query = VIEWS[view].format(raw=f"'{plain}'", dim=f"'{self.folder}/dim.parquet'")
        self.run(f"COPY ({query}) TO '{self.folder}/computed.parquet'")

    def measure(self, views: list[str], fraction: float, where: str, repeat: int) -> None:
        """All views after changes of a size; each repetition is a change of its own."""
        plain = f"{self.folder}/raw.parquet"
        for _ in range(repeat):
            self.change(fraction, where)
            self.run(f"COPY (FROM space_scan('{self.folder}/raw')) TO '{plain}'")
            for view in views:
                done = self.measured("refresh", view, fraction, where, lambda v=view: self.refresh(v, "incremental"))
                assert done["policy"] == "incremental", done
                self.samples[-1] |= done
                self.check(view)
                self.measured("nothing", view, fraction, where, lambda v=view: self.refresh(v, "auto"))
                self.measured("recompute", view, fraction, where, lambda v=view: self.recomputed(v, plain))
        self.change(fraction, where)
        for view in views:
            self.measured("full", view, fraction, where, lambda v=view: self.refresh(v, "full"))
        self.change(fraction, where)
        for view in views:
            told = {"view": view, "fraction": fraction, "where": where, "what": "auto"}
            self.samples.append(told | self.refresh(view, "auto"))

    def check(self, view: str) -> None:
        """What is stored is what the query gives: by count and sums of a hash."""
        stored = f"SELECT count(*), sum(hash(t)) FROM space_scan('{self.path(view)}') AS t"
        wanted = f"SELECT count(*), sum(hash(t)) FROM ({self.over_datasets(view)}) AS t"
        found = (self.run(stored), self.run(wanted))
        if found[0] != found[1]:
            raise SystemExit(f"{view}: {found[0]} is stored, {found[1]} is right")


def main() -> int:
    """Measure, write the raw numbers and the table."""
    parser = argparse.ArgumentParser(description="Measure refreshes of materialized views.")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(VIEWS))
    parser.add_argument("--fractions", type=lambda text: [float(f) for f in text.split(",")], default=list(FRACTIONS))
    parser.add_argument("--where", type=lambda text: text.split(","), default=list(WHERE))
    parser.add_argument("--folder", type=Path, help="where tables are made (a temporary folder)")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--report", type=Path, help="the table (views.md beside the results)")
    asked = parser.parse_args()
    on = machine() | {"rows": asked.rows, "duckdb": duckdb.__version__, "space_sql": space_sql.__version__}
    folder = Path(tempfile.mkdtemp(prefix="space-bench-", dir=asked.folder))
    try:
        with space_sql.connect() as con:
            bench = Bench(folder, asked.rows, con)
            con.execute(f"COPY ({DIMENSION}) TO '{folder}/dim.parquet'")
            for view in asked.only:
                sql = f"CALL space_materialize('{bench.path(view)}', $${bench.over_datasets(view)}$$)"
                bench.measured("materialize", view, 0, "", lambda sql=sql: bench.run(sql))
            for where in asked.where:
                for fraction in asked.fractions:
                    bench.measure(asked.only, fraction, where, asked.repeat)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    name = f"views-{on['date'].replace(':', '').replace('+0000', 'Z')}.jsonl"
    asked.results.mkdir(parents=True, exist_ok=True)
    (asked.results / name).write_text("".join(json.dumps(line) + "\n" for line in [{"machine": on}, *bench.samples]))
    (asked.report or asked.results.parent / "views.md").write_text(report(on, bench.samples, name))
    return 0


def report(on: dict[str, Any], samples: list[dict[str, Any]], raw: str) -> str:
    """The table."""

    def chosen(**asked: Any) -> list[dict[str, Any]]:
        return [s for s in samples if asked.items() <= s.items()]

    def least(**asked: Any) -> float:
        return min(s["seconds"] for s in chosen(**asked))

    loads = [s["load"] for s in samples if "load" in s]
    places = "; ".join(f"*{where}*: {what}" for where, what in WHERE.items())
    out = [
        "# Materialized views, measured\n",
        f"Made by `benchmarks/views.py` on {on['date'][:10]} with {on['rows']:,} rows and DuckDB {on['duckdb']}; each "
        f"sample is in `results/{raw}`. A change is a fraction of the rows. {places}. *Recompute* is the query over a "
        "plain Parquet file of the same rows into another, without any commit; *full* is `space_refresh(…, policy => "
        "'full')`; both refreshes are synced and committed. Times are the least of all repetitions; × says how many "
        "times faster the refresh is. What is stored was compared with the query after each refresh. Load average: "
        f"{min(loads):.1f} to {max(loads):.1f} ({on['cores']} cores, {on['processor']}, {on['memory_gib']} GiB).\n",
        "| view | changes | size | refresh | recompute | × | full | × | budget | `auto` does |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    done = [s for s in samples if s["what"] == "refresh"]
    views = list(dict.fromkeys(s["view"] for s in done))
    cases = list(dict.fromkeys((s["view"], s["where"], s["fraction"]) for s in done))
    for view, where, fraction in sorted(cases, key=lambda case: views.index(case[0])):
        case = {"view": view, "where": where, "fraction": fraction}
        mine, anew, full = (least(what=what, **case) for what in ("refresh", "recompute", "full"))
        budget = BUDGETS.get((view, fraction))
        verdict = "" if budget is None else f"≥ {budget:g} ×: " + ("met" if anew / mine >= budget else "**missed**")
        auto = chosen(what="auto", **case)[0]["policy"]
        out.append(
            f"| {view} | {where} | {fraction:.2%} | {_ms(mine)} | {_ms(anew)} | {anew / mine:.1f} | {_ms(full)} | "
            f"{full / mine:.1f} | {verdict} | {auto} |"
        )
    out += ["", "| view | changes | nothing to do | as slow as recomputing at | as a full refresh at |"]
    out += ["|---|---|---|---|---|"]
    for view, where in dict.fromkeys(
        (view, where) for view, where, _ in sorted(cases, key=lambda c: views.index(c[0]))
    ):
        case = {"view": view, "where": where}
        idle = statistics.median(s["seconds"] for s in chosen(what="nothing", **case))
        points = [(f, least(what="refresh", fraction=f, **case)) for v, w, f in cases if (v, w) == (view, where)]
        anew, full = (least(what=what, **case) for what in ("recompute", "full"))
        out.append(f"| {view} | {where} | {_ms(idle)} | {crossover(points, anew)} | {crossover(points, full)} |")
    return "\n".join(out) + "\n"


def crossover(points: list[tuple[float, float]], limit: float) -> str:
    """The fraction at which a refresh takes that long, between the measured ones on a logarithmic scale."""
    if points[0][1] >= limit:
        return f"less than {points[0][0]:.2%}"
    for (low, fast), (high, slow) in itertools.pairwise(points):
        if slow >= limit:
            part = (math.log(limit) - math.log(fast)) / (math.log(slow) - math.log(fast))
            return f"{math.exp(math.log(low) + part * (math.log(high) - math.log(low))):.2%}"
    return f"more than {points[-1][0]:.0%}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 0.1 else f"{seconds * 1000:,.0f} ms"


if __name__ == "__main__":
    sys.exit(main())
