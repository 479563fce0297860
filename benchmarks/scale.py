"""How large a run is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """``rows`` of the large table; small commits are ``batch`` rows; ``commits`` and ``files`` of the long histories.

    ``repeat`` scales how often things are measured: 1 is what is stated for each step, 0 is once.
    """

    rows: int = 1_000_000
    batch: int = 100
    commits: int = 1_000
    files: int = 10_000
    repeat: float = 1

    @property
    def short(self) -> int:
        """Commits of the shorter history."""
        return min(300, self.commits)

    def times(self, stated: int) -> int:
        """How often to do what is done ``stated`` times in a full run."""
        return max(1, round(stated * self.repeat))

    def key(self, turn: int) -> int:
        """The id that a turn looks up: another one each time, the same for all peers."""
        return (turn * 611_953 + 77_777) % self.rows


QUICK = Scale(rows=2_000, batch=10, commits=40, files=10, repeat=0)
