"""A failing case as a `.test` file."""

from __future__ import annotations

from collections.abc import Iterable

ZONE = "America/New_York"
"""The time zone of all cases."""


def script(name: str, why: str, done: Iterable[tuple[str, str | None]], check: str | None) -> str:
    """The text of the file: the statements with what came of them, and a query that should give nothing."""
    lines = [f"# name: tests/sql/refresh/{name}.test", f"# description: {' '.join(why.split())[:200]}", ""]
    lines += ["statement ok", f"SET TimeZone = '{ZONE}';", ""]
    for sql, error in done:
        if error is None:
            lines += ["statement ok", sql, ""]
        else:
            lines += ["statement error", sql, "----", error.split("\n", 1)[0], ""]
    if check:
        lines += ["query I", check, "----", "0", ""]
    return "\n".join(lines)
