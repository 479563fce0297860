"""One peer in a process of its own: takes steps as JSON lines, answers with times and checksums.

python benchmarks/worker.py PEER FOLDER SCALE
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from peers.peer import Peer, Unsupported
from scale import Scale
from step import Step, steps_of


def main() -> None:
    """Serve until standard input ends."""
    name, folder, scale = sys.argv[1], Path(sys.argv[2]), Scale(**json.loads(sys.argv[3]))
    answers, sys.stdout = sys.stdout, sys.stderr

    def answer(said: dict[str, Any]) -> None:
        answers.write(json.dumps(said) + "\n")
        answers.flush()

    try:
        peer = load(name)(folder)
    except ImportError as error:
        answer({"missing": str(error)})
        return
    answer({"versions": {"python": sys.version.split()[0], **peer.versions()}})
    for line in sys.stdin:
        asked = json.loads(line)
        workload = importlib.import_module(f"workloads.{asked['workload']}")
        step = next(s for s in steps_of(workload, scale) if s.name == asked["step"])
        try:
            answer(measure(peer, scale, step, asked["turn"]))
        except Unsupported as error:
            answer({"unsupported": str(error)})
        except Exception:
            answer({"failed": traceback.format_exc()})


def load(name: str) -> type[Peer]:
    """The class of a peer, by its name."""
    module = importlib.import_module(f"peers.{name}")
    found: type[Peer] = next(c for c in vars(module).values() if getattr(c, "name", None) == name)
    return found


def measure(peer: Peer, scale: Scale, step: Step, turn: int) -> dict[str, Any]:
    """Do a step and say how long it took, what it used and what it gave."""
    seconds: list[float] = []
    cpu: list[float] = []
    results = []
    for number in range(turn * step.each, (turn + 1) * step.each):
        if step.before is not None:
            step.before(peer, scale, number)
        used = time.process_time()
        start = time.perf_counter()
        results.append(step.run(peer, scale, number))
        seconds.append(time.perf_counter() - start)
        cpu.append(time.process_time() - used)
    said: dict[str, Any] = {"seconds": seconds, "cpu": cpu, "load": os.getloadavg()[0]}
    match results[0]:
        case None:
            return said
        case dict():
            return {**said, **results[0]}
    if step.name not in peer.partial:
        said["checksum"] = checksum([step.check(r) if step.check else r for r in results])
    return said


def checksum(results: list[Any]) -> str:
    """The same for results of the same rows, in any order; of large tables, for the same sums."""
    digest = hashlib.sha256()
    for result in results:
        for row in sorted(map(repr, _rows(result))):
            digest.update(row.encode())
    return digest.hexdigest()[:16]


def _rows(result: Any) -> list[Any]:
    if isinstance(result, list):
        return result
    names = sorted(result.column_names)
    if result.num_rows < 100_000:
        return [tuple(row[name] for name in names) for row in result.to_pylist()]
    import pyarrow.compute as pc

    return [(name, result.num_rows, pc.sum(result[name]).as_py()) for name in names]


if __name__ == "__main__":
    main()
