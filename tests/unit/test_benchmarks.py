"""The benchmark runs from end to end, with sizes at which its times mean nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    command = [sys.executable, "benchmarks/run.py", "--quick", "--peers", "raw,space", "--python", "duckdb15=none"]
    done = subprocess.run(
        [*command, "--folder", str(folder), "--results", str(folder / "results")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_row_of_the_table_is_measured(run: Path) -> None:
    table = (run / "results.md").read_text()
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        from budgets import ROWS
        from scale import QUICK
    finally:
        sys.path.pop(0)
    later = {"unsynced on", "key at the end"}  # only in histories of more than 300 commits
    torch = {"0 workers", "2 workers"} if find_spec("torch") is None else set()
    for row in ROWS:
        if row.step not in later | torch:
            assert f"| {row.label.format(**vars(QUICK), short=QUICK.short)} |" in table


def test_both_peers_gave_the_same_results(run: Path) -> None:
    assert "All peers gave the same results." in (run / "results.md").read_text()


def test_raw_numbers_come_with_versions_and_the_machine(run: Path) -> None:
    (file,) = (run / "results").glob("*.jsonl")
    head, *samples = [json.loads(line) for line in file.read_text().splitlines()]
    assert head["machine"]["cores"]
    assert {peer.split("@")[0] for peer in head["versions"]} == {"raw", "space"}
    assert all(sample["load"] >= 0 for sample in samples)


def test_tables_are_removed_afterwards(run: Path) -> None:
    assert not list(run.glob("space-bench-*"))
