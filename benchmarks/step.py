"""What a workload is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from peers.peer import Peer
from scale import Scale

Run = Callable[[Peer, Scale, int], Any]


@dataclass(frozen=True)
class Step:
    """One thing that every peer does in turn.

    ``run`` gets a turn number and is timed ``each`` times in a row, turns counting on; all peers do
    that before it comes again, ``times`` times a round, or ``once`` in all rounds. What it returns is
    compared between peers: rows or an Arrow table, or what ``check`` makes of it. A dictionary is not
    compared but kept: further measures, or the ``seconds`` that the run took itself.
    ``before`` is not timed.
    """

    name: str
    run: Run
    before: Run | None = None
    times: int = 1
    each: int = 1
    once: bool = False
    check: Callable[[Any], Any] | None = None


def steps_of(workload: ModuleType, scale: Scale) -> list[Step]:
    """The steps of a workload module, whose ``steps(scale)`` lists them."""
    found: list[Step] = workload.steps(scale)
    return found


def rounds_of(workload: ModuleType, scale: Scale) -> int:
    """How often they are gone through."""
    return int(workload.rounds(scale)) if hasattr(workload, "rounds") else 1
