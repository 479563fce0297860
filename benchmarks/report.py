"""The samples of a run, and the table that is made of them."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from budgets import ROWS, Row
from lanes import Lane
from scale import Scale


@dataclass
class Samples:
    """Everything that was measured; ``lines`` is what is kept as JSON lines."""

    machine: dict[str, Any]
    scale: Scale
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    samples: list[dict[str, Any]] = field(default_factory=list)

    def add(self, workload: str, step: str, lane: Lane, turn: int, told: dict[str, Any]) -> None:
        """Keep what a peer told of a step."""
        self.samples.append({"workload": workload, "step": step, "peer": lane.name, "turn": turn, **told})

    def lines(self) -> Iterator[dict[str, Any]]:
        """The machine and the versions, then the samples."""
        yield {"machine": self.machine, "scale": asdict(self.scale), "versions": self.versions}
        yield from self.samples

    def of(self, workload: str, step: str, lane: str, measure: str = "seconds") -> list[float]:
        """All values of a measure of a step, in order."""
        values: list[float] = []
        for sample in self.samples:
            if (sample["workload"], sample["step"], sample["peer"]) == (workload, step, lane) and measure in sample:
                value = sample[measure]
                values += value if isinstance(value, list) else [value]
        return values

    def least(self, workload: str, step: str, lane: str) -> float | None:
        """The least time of a step."""
        return min(self.of(workload, step, lane), default=None)

    def value(self, row: Row, lane: str) -> float | None:
        """The value of a row of the table."""
        values = self.of(row.workload, row.step, lane, row.measure)
        if row.first is not None:
            values = values[: row.first]
        if row.last is not None:
            values = values[-row.last :]
        if not values:
            return None
        return statistics.median(values) if row.pick == "median" else min(values)


def wrong_answers(samples: Samples) -> list[str]:
    """A line for each step and turn in which peers gave different results."""
    seen: dict[tuple[str, str, int], dict[str, str]] = {}
    for sample in samples.samples:
        if "checksum" in sample:
            place = (sample["workload"], sample["step"], sample["turn"])
            seen.setdefault(place, {})[sample["peer"]] = sample["checksum"]
    return [
        f"different results in {workload} {step}, turn {turn}: {sums}"
        for (workload, step, turn), sums in seen.items()
        if len(set(sums.values())) > 1
    ]


def write_report(path: Path, samples: Samples, raw: str) -> None:
    """Write the Markdown tables: one a DuckDB line, then what they were measured on."""
    lines = sorted({lane.split("@")[1] for lane in samples.versions if lane.startswith("space@")}, reverse=True)
    parts = ["# Measured\n", _preface(samples, raw)]
    parts += [_table(samples, line) for line in lines]
    parts.append(_conditions(samples))
    path.write_text("\n".join(parts))


def _preface(samples: Samples, raw: str) -> str:
    scale, machine = samples.scale, samples.machine
    loads = [s["load"] for s in samples.samples]
    agreed = "All peers gave the same results." if not wrong_answers(samples) else "**Peers gave different results.**"
    spread = f"{min(loads):.1f} to {max(loads):.1f}" if loads else "unknown"
    return (
        f"Made by `benchmarks/run.py` on {machine['date'][:10]} with {scale.rows:,} rows, "
        f"{scale.commits:,} small commits and {scale.files:,} files; every sample is in `results/{raw}`. "
        "All peers took turns in one run, each in a process of its own, with the files in the page cache. "
        "Times are the least of all repetitions, those of commits the median of 20 in a row. "
        "`raw` is plain Parquet and DuckDB of the same version without any commit protocol, and × is against it; "
        "no peer but Space SQL syncs its data files, and it does unless the row says otherwise. "
        f"{agreed} Load average of the machine while it ran: {spread} "
        f"({machine['cores']} cores).\n"
    )


def _table(samples: Samples, line: str) -> str:
    others = [lane for lane in samples.versions if "@" not in lane]
    heads = ["what", "raw", "Space SQL", "×", "budget", "", *others]
    out = [f"## DuckDB {line}\n", "| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for row in ROWS:
        ours, base = samples.value(row, f"space@{line}"), samples.value(row, f"raw@{line}")
        if ours is None:
            continue
        ratio = ours / base if base else None
        label = row.label.format(**asdict(samples.scale), short=samples.scale.short)
        cells = [label, _shown(base, row), _shown(ours, row), f"{ratio:.2f}" if ratio else ""]
        cells += [_budget(row, line), _verdict(row, line, ours, ratio)]
        cells += [_beside(samples, row, lane, line) for lane in others]
        out.append("| " + " | ".join(cells) + " |")
    return "\n".join(out) + "\n"


def _beside(samples: Samples, row: Row, lane: str, line: str) -> str:
    """Another peer's value, and × against plain files on the DuckDB line that it runs on, if that was measured."""
    value = samples.value(row, lane)
    own = ".".join(samples.versions[lane]["duckdb"].split(".")[:2])
    base = samples.value(row, f"raw@{own}") or samples.value(row, f"raw@{line}")
    times = f" ({value / base:.2f} ×)" if value and base else ""
    return _shown(value, row) + times


def _shown(value: float | None, row: Row) -> str:
    if value is None:
        return ""
    if row.measure == "bytes":
        return f"{value / 1e6:.1f} MB"
    return f"{value * 1000:.1f} ms" if value < 0.1 else f"{value * 1000:.0f} ms"


def _budget(row: Row, line: str) -> str:
    ratio = row.ratio_on(line)
    if ratio is not None:
        return f"≤ {ratio} ×"
    return f"≤ {row.seconds * 1000:g} ms" if row.seconds is not None else ""


def _verdict(row: Row, line: str, value: float, ratio: float | None) -> str:
    """How much over the budget, rounded to what the machine can tell; empty without one."""
    allowed = row.ratio_on(line)
    used = ratio / allowed if allowed and ratio else value / row.seconds if row.seconds is not None else None
    if used is None:
        return ""
    return "met" if used <= 1 else f"**{used:.1f} × over**" if used >= 1.95 else f"**{(used - 1) * 100:.0f} % over**"


def _conditions(samples: Samples) -> str:
    machine = samples.machine
    out = ["## Conditions\n"]
    out.append(
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}; "
        f"{machine['date']}.\n"
    )
    for lane, versions in samples.versions.items():
        out.append(f"- {lane}: " + ", ".join(f"{name} {version}" for name, version in versions.items()))
    return "\n".join(out) + "\n"
