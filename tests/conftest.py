"""What every run ends with: the table of hosts."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from tests.hosts.table import Tally, table


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    tallies: defaultdict[str, Tally] = defaultdict(Tally)
    for outcome in ("passed", "failed", "skipped"):
        for report in terminalreporter.getreports(outcome):
            properties = dict(getattr(report, "user_properties", ()))  # a module that is skipped has none
            if report.when != "call" or "host" not in properties:
                continue
            tally = tallies[properties["host"]]
            if outcome == "skipped":
                _, _, reason = report.longrepr
                tally.skipped[re.sub(r"^Skipped: (line \d+: )?", "", reason)] += 1
            elif outcome == "failed":
                tally.failed += 1
            else:
                tally.passed += 1
            tally.passed_over.update(properties.get("passed over", {}))
    if tallies:
        terminalreporter.section("hosts of tests/sql")
        terminalreporter.write(table(tallies))
