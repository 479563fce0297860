"""The rows that every peer stores: made by arithmetic, so that all peers and versions get the same.

Scores are multiples of 1/64: their sums are exact in any order, so results can be compared to the bit.
"""

from __future__ import annotations

import hashlib

COLUMNS = "id BIGINT, name VARCHAR, label VARCHAR, score DOUBLE, created TIMESTAMP"


def rows_sql(first: int, count: int, *, step: int = 1, bonus: float = 0) -> str:
    """A query of ``count`` rows with ids ``first, first + step, …``, in order; ``bonus`` is added to the scores."""
    return (
        "SELECT i AS id, left(md5(i::VARCHAR), 12) AS name, 'label_' || ((i * 7919) % 20)::VARCHAR AS label, "
        f"((i * 48271) % 65536) / 64.0 + {bonus} AS score, TIMESTAMP '2026-01-01' + to_seconds(i) AS created "
        f"FROM (SELECT {first} + range * {step} AS i FROM range({count}))"
    )


def name_of(row: int) -> str:
    """The name of the row with an id."""
    return hashlib.md5(str(row).encode()).hexdigest()[:12]
