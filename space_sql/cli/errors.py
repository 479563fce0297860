"""An error as the one line that a user reads."""

from __future__ import annotations

import re

import duckdb

_OURS = re.compile(r"(?:\w+ )+Error: (?=[a-z]+(-[a-z]+)*: )")
_HINTS = ("Did you mean", "Candidate bindings")


def one_line(error: duckdb.Error) -> str:
    """`kind: message` for an error of Space SQL, DuckDB's own first line (with its hint) for any other."""
    first, *rest = str(error).splitlines() or [type(error).__name__]
    if _OURS.match(first):
        return _OURS.sub("", first, count=1)
    hints = [line.strip() for line in rest[:1] if line.startswith(_HINTS)]
    return " ".join([first, *hints])
