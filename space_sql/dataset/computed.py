"""Computed results in a view's folder: which of them no readable snapshot's definition names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from space_sql.dataset.dataset import View
from space_sql.format.computed import checksum, folders
from space_sql.format.paths import COMPUTED
from space_sql.format.state import Refs

_TEMPORARY = re.compile(r"\.[0-9a-f]{32}\.tmp")
_FOLDER = re.compile(r"[0-9a-f]{32}")


def unneeded_results(view: View, refs: Refs, young: float) -> Iterator[tuple[str, int, str]]:
    """Path, bytes and reason of files of results that can go: ``expired`` or ``leftover``.

    ``refs`` say which snapshots have expired; ``young`` is how new, in seconds since 1970, a file may be that a
    refresh which has not committed yet wrote.
    """
    root, log = view.dataset.root, view.dataset.log
    if not (root / COMPUTED).is_dir():
        return
    needed: set[str] = set()
    named: set[str] = set()
    for snapshot_id in range(view.refs.snapshot_id + 1):
        told = folders(log.commit(snapshot_id).view)
        named |= told
        if not refs.has_expired(snapshot_id):
            needed |= told
    for head in refs.branches.values():  # a head's definition may be in a snapshot that expired
        at: int | None = head
        while at is not None:
            commit = log.commit(at)
            if commit.view is not None:
                needed |= folders(commit.view)
                break
            at = commit.parent_id
    for path, size, modified in _files(root):
        folder = path.rpartition("/")[0]
        if folder in needed and checksum(path.rpartition("/")[2]) is not None:
            continue
        if folder in named and modified < young:
            yield path, size, "expired"
        elif modified < young:
            yield path, size, "leftover"


def _files(root: Path) -> Iterator[tuple[str, int, float]]:
    for here, _, names in os.walk(root / COMPUTED):
        if Path(here).parent != root / COMPUTED or not _FOLDER.fullmatch(Path(here).name):
            continue
        for name in names:
            if checksum(name) is None and not _TEMPORARY.fullmatch(name):
                continue
            full = Path(here, name)
            try:
                stat = full.lstat()
            except FileNotFoundError:  # merged into another since
                continue
            yield full.relative_to(root).as_posix(), stat.st_size, stat.st_mtime
