"""The table of hosts: how many files of `tests/sql` each runs, and what it leaves out and why.

`python -m tests.hosts.table` writes the one in docs/hosts.md anew.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path

from tests.sqllogic_records import left_out, parse

ROOT = Path(__file__).parents[2]
SQL = ROOT / "tests/sql"
PAGE = ROOT / "docs/hosts.md"
NAMES = {"python": "Python", "extension": "Extension in Python", "shell": "DuckDB shell", "node": "Node"}
_TABLE = re.compile(r"(<!-- hosts: .*? -->\n).*?(<!-- hosts end -->)", re.S)

# The hosts that every change is tested in.
CONDITIONS = {
    "python": ({"python", "connections", "duckdb15"}, {"python", "connections", "duckdb20"}),
    "extension": ({"extension", "connections", "duckdb15"}, {"extension", "connections", "duckdb20"}),
    "shell": ({"extension", "shell", "duckdb15"},),
    "node": ({"extension", "node", "connections", "duckdb15"},),
}


@dataclass
class Tally:
    """The files of one host."""

    passed: int = 0
    failed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)  # files left before their end, by reason
    passed_over: Counter[str] = field(default_factory=Counter)  # records, by reason


def label(host: str, conditions: Set[str]) -> str:
    """Like: Node, DuckDB 1.5."""
    return f"{NAMES[host]}, DuckDB {'1.5' if 'duckdb15' in conditions else '2.0'}"


def foreseen(conditions: Set[str]) -> Tally:
    """What the files say of a host where these conditions hold, all else going well."""
    tally = Tally()
    for path in sorted(SQL.rglob("*.test")):
        why, passed_over = left_out(parse(path.read_text(encoding="utf-8")), conditions)
        tally.passed_over += passed_over
        if why is None:
            tally.passed += 1
        else:
            tally.skipped[why] += 1
    return tally


def table(tallies: Mapping[str, Tally]) -> str:
    """The tallies as a Markdown table."""
    lines = ["| host | files passed | failed | skipped | left out, and why |", "|---|---:|---:|---:|---|"]
    for name, tally in tallies.items():
        why = [*_reasons(tally.skipped, "file"), *_reasons(tally.passed_over, "record")]
        skipped = tally.skipped.total()
        lines.append(f"| {name} | {tally.passed} | {tally.failed} | {skipped} | {'; '.join(why)} |")
    return "\n".join(lines) + "\n"


def _reasons(counted: Counter[str], noun: str) -> Iterable[str]:
    for reason, n in sorted(counted.items()):
        yield f"{n} {noun}{'s' if n > 1 else ''}: {reason}"


def with_table(page: str) -> str:
    """A page with the table that the files give."""
    tallies = {label(host, each): foreseen(each) for host, all_ in CONDITIONS.items() for each in all_}
    return _TABLE.sub(lambda match: f"{match[1]}{table(tallies)}{match[2]}", page)


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
