"""The rows that a write takes, as queries."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rows:
    """Queries over the rows of a write: as the caller has them, for their type, and as they are staged.

    They differ in columns that Arrow would change: these are staged in stored form.
    """

    typed: str
    staged: str
