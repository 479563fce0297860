"""A new process: import, connect, first query."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from peers.peer import Peer
from scale import Scale
from step import Step

from workloads.scan import load


def steps(scale: Scale) -> list[Step]:
    """The first time fills the caches of the file system and of compiled Python."""
    return [
        Step("load", closed),
        Step("warm", cold),
        Step("process", cold, times=scale.times(7)),
    ]


def closed(peer: Peer, scale: Scale, turn: int) -> None:
    """A table that nobody has open."""
    load(peer, scale, turn)
    peer.release("big")


def cold(peer: Peer, scale: Scale, turn: int) -> Any:
    """The whole life of a process that asks one question."""
    run = subprocess.run([sys.executable, "-c", peer.cold("big")], capture_output=True, text=True, check=True)
    return [(run.stdout.strip(),)]
