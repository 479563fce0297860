"""Vacuum: removing files that no readable snapshot needs.

Two kinds of files go: those of snapshots that were expired, and what killed writers left behind.
A grace period protects readers that still look at an expired snapshot and writers whose files
are not published yet. It can be interrupted and run again at any point.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from space_sql.dataset.computed import unneeded_results
from space_sql.dataset.dataset import View
from space_sql.dataset.reach import paths_of_commit, reachable
from space_sql.format.paths import DATA, DELETES, LOG, RECORDS
from space_sql.storage import files

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_OWN = re.compile(rf"{_UUID}\d*\.(?:parquet|array_record)")
_TEMPORARY = re.compile(r"\..+\.tmp")
LEAST_AGE = 3600
"""Seconds that a file must be old before it counts as left behind: a writer may be about to publish it."""


@dataclass(frozen=True)
class Unneeded:
    """A file that can go, and why: ``expired`` or ``leftover``."""

    path: str
    bytes: int
    reason: str


def unneeded(view: View, before: int) -> list[Unneeded]:
    """Files that can go: what has expired since a time (UTC microseconds since 1970) is still protected."""
    log = view.dataset.log
    entry = view.entry_at(before)
    expired = log.refs_at(entry).expired if entry is not None else ()
    needed = reachable(log, replace(view.refs, expired=expired))
    known = {path for i in range(view.refs.snapshot_id + 1) for path in paths_of_commit(log.commit(i))}
    young = min(before / 1e6, time.time() - LEAST_AGE)
    out = []
    for path, size, modified in own_files(view.dataset.root):
        if path in known:
            if path not in needed:
                out.append(Unneeded(path, size, "expired"))
        elif modified < young:
            out.append(Unneeded(path, size, "leftover"))
    out += [Unneeded(*found) for found in unneeded_results(view, replace(view.refs, expired=expired), young)]
    return sorted(out, key=lambda u: u.path)


def remove(view: View, chosen: Iterable[Unneeded]) -> list[Unneeded]:
    """Delete files, but none that a commit has begun to need since."""
    root, log = view.dataset.root, view.dataset.log
    seen = view.refs.snapshot_id
    needed: set[str] = set()
    done = []
    for file in chosen:
        head = log.head().snapshot_id
        for snapshot_id in range(seen + 1, head + 1):
            needed.update(paths_of_commit(log.commit(snapshot_id)))
        seen = head
        if file.path not in needed:
            with files.explained(root / file.path):
                (root / file.path).unlink(missing_ok=True)
            done.append(file)
    return done


def own_files(root: Path) -> Iterator[tuple[str, int, float]]:
    """Path, size and time of change of each file below the folder that bears a name that this project gives."""
    for folder in (DATA, DELETES, RECORDS, LOG):
        for here, _, names in os.walk(root / folder):
            for name in names:
                if not (_TEMPORARY if folder == LOG else _OWN).fullmatch(name):
                    continue
                full = Path(here, name)
                try:
                    stat = full.lstat()
                except FileNotFoundError:  # its writer gave it up since
                    continue
                yield full.relative_to(root).as_posix(), stat.st_size, stat.st_mtime
