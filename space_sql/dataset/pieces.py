"""Files cut into pieces of about as many rows: several small files are one, a large file is several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from space_sql.dataset.scan import POS


@dataclass(frozen=True)
class Piece:
    """Files by their places in a list; ``rows`` are positions ``[start, stop)`` in the only one, None for all."""

    files: tuple[int, ...]
    rows: tuple[int, int] | None = None

    @property
    def ranged(self) -> bool:
        """Whether it is part of a file: its query must have positions."""
        return self.rows is not None

    def cut(self, names: str, sql: str) -> str:
        """The piece of a query over its files; ``names`` are what that shows beside positions."""
        if self.rows is None:
            return sql
        start, stop = self.rows
        return f"SELECT {names} FROM (\n{sql}\n) WHERE {POS} >= {start} AND {POS} < {stop}"


def pieces(rows: Sequence[int], size: int) -> list[Piece]:
    """Pieces of files with so many rows each; ``size`` is how many rows a piece shall have, at least 1."""
    out: list[Piece] = []
    waiting: list[int] = []
    together = 0
    for i, count in enumerate(rows):
        if count >= 2 * size:
            step = -(-count // (count // size))
            out += [Piece((i,), (start, min(start + step, count))) for start in range(0, count, step)]
            continue
        waiting.append(i)
        together += count
        if together >= size:
            out.append(Piece(tuple(waiting)))
            waiting, together = [], 0
    if waiting:
        out.append(Piece(tuple(waiting)))
    return out
