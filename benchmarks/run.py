"""The benchmark: every peer in a process of its own, taking turns; see README.md beside this file.

python benchmarks/run.py [--peers raw,space,ducklake,lance,datasets,parquet] [--only scan,commit] [--quick]
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lanes import HERE, ROOT, Environment, Lane
from machine import machine
from report import Samples, write_report, wrong_answers
from scale import QUICK, Scale
from step import rounds_of, steps_of

WORKLOADS = ("scan", "lookup", "append", "commit", "mutate", "merge", "files", "records", "training", "cold")
PEERS = ("raw", "space", "ducklake", "lance", "datasets", "parquet")
HERE_TOO = ("datasets", "parquet")
"""Peers that the environment of this process may have."""
HINTS = {
    "raw": "pip install duckdb",
    "space": "pip install -e .",
    "duckdb15": "make .venv-duckdb15/.installed-dev",
    "ducklake": (
        "python3 -m venv .venv-ducklake && "
        ".venv-ducklake/bin/pip install duckdb==1.5.5 duckdb-extension-ducklake==1.5.5 pyarrow numpy"
    ),
    "datasets": "make .venv-training/.installed-dev, and that Python to run this",
    "parquet": "pip install pyarrow",
    "lance": "python3 -m venv .venv-lance && .venv-lance/bin/pip install pylance duckdb",
}


def main() -> int:
    """Measure, write the raw numbers and the table; 1 when peers disagree or a step fails."""
    asked = arguments()
    scale = asked.scale
    environments = list(found(asked.peers, dict(p.split("=", 1) for p in asked.python)))
    samples = Samples(machine(), scale)
    failed = False
    for workload in asked.only:
        with lanes(environments, asked.folder, scale) as running:
            failed |= measure(workload, running, scale, samples)
    asked.results.mkdir(parents=True, exist_ok=True)
    name = samples.machine["date"].replace(":", "").replace("+0000", "Z")
    raw = asked.results / f"{name}.jsonl"
    raw.write_text("".join(json.dumps(line) + "\n" for line in samples.lines()))
    write_report(asked.report or asked.results.parent / "results.md", samples, raw.name)
    wrong = wrong_answers(samples)
    for line in wrong:
        print(line)
    return int(failed or bool(wrong))


def arguments() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(description="Measure Space SQL beside its peers, in one run.")
    parser.add_argument("--peers", default="raw,space,ducklake,lance", type=peers, help="which, with commas between")
    parser.add_argument("--only", default=",".join(WORKLOADS), type=workloads, help="workloads, with commas between")
    parser.add_argument("--rows", type=int, help="rows of the large table (1,000,000)")
    parser.add_argument("--commits", type=int, help="small commits in a row (1,000)")
    parser.add_argument("--files", type=int, help="files of the table of many files (10,000)")
    parser.add_argument("--repeat", type=float, help="factor for how often things are repeated (1)")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: whether it runs, not how fast")
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="interpreters: duckdb15 (a second DuckDB line for raw and space), ducklake, lance",
    )
    parser.add_argument("--folder", type=Path, help="where tables are made (a temporary folder)")
    parser.add_argument("--results", type=Path, default=HERE / "results", help="where raw numbers go")
    parser.add_argument("--report", type=Path, help="the table (results.md beside the results)")
    asked = parser.parse_args()
    sizes = {n: v for n in ("rows", "commits", "files", "repeat") if (v := getattr(asked, n)) is not None}
    asked.scale = dataclasses.replace(QUICK if asked.quick else Scale(), **sizes)
    return asked


def peers(text: str) -> list[str]:
    """Peers from text."""
    return _known(text, PEERS)


def workloads(text: str) -> list[str]:
    """Workloads from text."""
    return _known(text, WORKLOADS)


def _known(text: str, names: tuple[str, ...]) -> list[str]:
    asked = text.split(",")
    for name in asked:
        if name not in names:
            raise argparse.ArgumentTypeError(f"no {name!r}; there are {', '.join(names)}")
    return asked


def found(peers: list[str], pythons: dict[str, str]) -> Iterator[Environment]:
    """The peers with the Python of each; for a missing one, a line that says how to get it."""
    second = pythons.get("duckdb15", str(ROOT / ".venv-duckdb15/bin/python"))
    for peer in peers:
        if peer in ("raw", "space"):
            yield Environment(peer, sys.executable)
            if Path(second).exists():
                yield Environment(peer, second)
            else:
                print(f"{peer} on DuckDB 1.5: skipped; to have it: {HINTS['duckdb15']}")
            continue
        usual = sys.executable if peer in HERE_TOO else str(ROOT / f".venv-{peer}/bin/python")
        python = pythons.get(peer, usual)
        if Path(python).exists():
            yield Environment(peer, python)
        else:
            print(f"{peer}: skipped; to have it: {HINTS[peer]}")


@contextlib.contextmanager
def lanes(environments: list[Environment], folder: Path | None, scale: Scale) -> Iterator[list[Lane]]:
    """The peers' processes, and their tables in a folder that is removed at the end."""
    root = Path(tempfile.mkdtemp(prefix="space-bench-", dir=folder))
    running: list[Lane] = []
    try:
        for number, environment in enumerate(environments):
            lane = Lane(environment, root / f"{environment.peer}{number}", scale)
            if lane.missing:
                print(f"{environment.peer}: skipped, {lane.missing}; to have it: {HINTS[environment.peer]}")
                lane.close()
            else:
                running.append(lane)
        yield running
    finally:
        for lane in running:
            lane.close()
        shutil.rmtree(root, ignore_errors=True)


def measure(name: str, running: list[Lane], scale: Scale, samples: Samples) -> bool:
    """Let all peers do the steps of a workload, in turn; whether one failed."""
    workload = importlib.import_module(f"workloads.{name}")
    failed = False
    for lane in running:
        samples.versions[lane.name] = lane.versions
    for number in range(rounds_of(workload, scale)):
        for step in steps_of(workload, scale):
            if step.once and number:
                continue
            for turn in range(number * step.times, (number + 1) * step.times):
                for lane in running:
                    told: dict[str, Any] = lane.ask(name, step.name, turn)
                    if "failed" in told:
                        failed = True
                        print(f"{name} {step.name}: {lane.name} failed\n{told['failed']}")
                    elif "unsupported" not in told:
                        samples.add(name, step.name, lane, turn, told)
            show(name, step.name, samples)
    return failed


def show(workload: str, step: str, samples: Samples) -> None:
    """What was measured so far, on a line."""
    least = {lane: samples.least(workload, step, lane) for lane in samples.versions}
    told = "  ".join(f"{lane} {seconds * 1000:.1f}" for lane, seconds in least.items() if seconds is not None)
    print(f"{workload} {step}: {told} ms", flush=True)


if __name__ == "__main__":
    sys.exit(main())
