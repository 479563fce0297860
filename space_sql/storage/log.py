"""The commit log of one dataset: finding its head, reading states, publishing the next entry.

Nothing here is trusted but the entries themselves: what is cached is checked against the folder
at every use, and a checkpoint that is missing or damaged is replaced by replaying entries.

Source: docs/format.md, section "Log".
"""

from __future__ import annotations

import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from space_sql.errors import FormatError, NotFoundError
from space_sql.format.commit import Commit
from space_sql.format.paths import ENTRY, LOG, MARKER, checkpoint_path, entry_id, entry_path
from space_sql.format.state import NO_REFS, Refs, State, first_state
from space_sql.storage import checkpoint as cp
from space_sql.storage import files

_log = logging.getLogger("space_sql")
_COMMITS_KEPT = 4096
_STATES_KEPT = 64


class Log:
    """The log of the dataset at ``root``; safe to use from several threads."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.RLock()
        self.forget()

    def forget(self) -> None:
        """Drop all that is cached."""
        self._marker: files.Signature | None = None
        self._head: files.Signature | None = None
        self._refs: Refs | None = None
        self._commits: OrderedDict[int, Commit] = OrderedDict()
        self._states: OrderedDict[int, State] = OrderedDict()
        self._checkpoints: OrderedDict[int, cp.Checkpoint | None] = OrderedDict()
        self._sound: dict[int, files.Signature] = {}
        self._keys: dict[str, int] = {}
        self._keys_until = -1

    # -- the head -----------------------------------------------------------------------------

    def head(self) -> Refs:
        """The refs after the newest entry, read from the folder if it moved on."""
        with self._lock:
            self._check_cache()
            known = self._refs
            last = self._last(known.snapshot_id if known else None)
            if known is None or last - known.snapshot_id > cp.INTERVAL:
                refs = self.refs_at(last)
            else:
                refs = known
                for snapshot_id in range(known.snapshot_id + 1, last + 1):
                    refs = refs.apply(self.commit(snapshot_id))
            if refs is not known:
                self._refs = refs
                self._head = files.signature(self.root / entry_path(last))
            return refs

    def _check_cache(self) -> None:
        marker = files.signature(self.root / MARKER)
        stale = marker != self._marker
        if self._refs is not None and not stale:
            stale = files.signature(self.root / entry_path(self._refs.snapshot_id)) != self._head
        if stale:
            self.forget()
            self._marker = marker

    def _exists(self, snapshot_id: int) -> bool:
        return os.path.exists(self.root / entry_path(snapshot_id))

    def _last(self, known: int | None) -> int:
        """Id of the newest entry: entries have no gaps, so it is found by doubling steps."""
        if known is None:
            known = self._listed_last()
        step = 1
        while self._exists(known + step):
            known += step
            step *= 2
        while step > 1:
            step //= 2
            if self._exists(known + step):
                known += step
        return known

    def _listed_last(self) -> int:
        """Id of the newest entry by listing the folder, once a process: a missing entry shows as a gap."""
        try:
            with files.explained(self.root / LOG):
                names = [name for name in os.listdir(self.root / LOG) if name.endswith(ENTRY)]
        except NotFoundError:
            names = []
        newest = entry_id(max(names, default=""))
        if newest is not None and len(names) == newest + 1:  # so nothing else is there, and there is no gap
            return newest
        ids = {number for name in names if (number := entry_id(name)) is not None}
        if not ids:
            raise NotFoundError(f"{self.root} has no commit: its creation did not finish; run space_create again")
        last = max(ids)
        if len(ids) <= last:
            # A listing may show an entry and not the one before it, when both come while it is made.
            missing = next((i for i in range(last) if i not in ids and not self._exists(i)), None)
            if missing is not None:
                raise FormatError(f"log entry {entry_path(missing)} is missing; restore it from a copy")
        return last

    def entry_ids(self) -> Iterator[int]:
        """Ids of all entries in the folder, in no order."""
        with files.explained(self.root / LOG):
            for name in os.listdir(self.root / LOG):
                snapshot_id = entry_id(name)
                if snapshot_id is not None:
                    yield snapshot_id

    def refs_at(self, snapshot_id: int) -> Refs:
        """Tags and branches as of an entry."""
        with self._lock:
            first = snapshot_id
            while first > 0 and self._checkpoint(first) is None:
                first -= 1
            checkpoint = self._checkpoint(first)
            refs = checkpoint.refs if checkpoint else NO_REFS.apply(self.commit(0))
            for number in range(first + 1, snapshot_id + 1):
                refs = refs.apply(self.commit(number))
            return refs

    # -- entries, checkpoints, states -----------------------------------------------------------

    def commit(self, snapshot_id: int) -> Commit:
        """One entry; NotFoundError when there is none, FormatError when it is damaged."""
        with self._lock:
            commit = self._commits.get(snapshot_id)
            if commit is None:
                name = entry_path(snapshot_id)
                raw = files.read(self.root / name)
                if raw is None:
                    raise NotFoundError(f"snapshot {snapshot_id} is not in the log of {self.root}")
                commit = Commit.decode(raw, name)
                if commit.snapshot_id != snapshot_id:
                    raise FormatError(f"log entry {name} holds snapshot {commit.snapshot_id}; restore it from a copy")
                self._remember(self._commits, snapshot_id, commit, _COMMITS_KEPT)
            return commit

    @staticmethod
    def _remember(cache: OrderedDict[int, Any], key: int, value: object, kept: int) -> None:
        cache[key] = value
        while len(cache) > kept:
            cache.popitem(last=False)

    def _checkpoint(self, snapshot_id: int) -> cp.Checkpoint | None:
        if snapshot_id <= 0 or snapshot_id % cp.INTERVAL:
            return None
        found = self._checkpoints.get(snapshot_id)
        if found is None:
            raw = files.read(self.root / checkpoint_path(snapshot_id))
            found = cp.decode(raw) if raw is not None else None
            if found is not None:
                self._remember(self._checkpoints, snapshot_id, found, 8)
        return found

    def state(self, snapshot_id: int) -> State:
        """The content of a snapshot: from a cache or checkpoint, then the entries after it."""
        with self._lock:
            chain: list[Commit] = []
            at = snapshot_id
            state = self._known_state(at, at)
            while state is None:
                commit = self.commit(at)
                if commit.parent_id is None:
                    state = first_state(commit)
                    break
                chain.append(commit)
                state = self._known_state(commit.parent_id, at)
                at = commit.parent_id
            for commit in reversed(chain):
                state = state.apply(commit)
            self._remember(self._states, snapshot_id, state, _STATES_KEPT)
            return state

    def _known_state(self, snapshot_id: int, before: int) -> State | None:
        """A cached state, or one in the checkpoint that stands at or before ``before``."""
        state = self._states.get(snapshot_id)
        boundary = before - before % cp.INTERVAL
        if state is None and snapshot_id <= boundary:
            checkpoint = self._checkpoint(boundary)
            state = checkpoint.states.get(snapshot_id) if checkpoint else None
        return state

    def history(self) -> Iterator[dict[str, Any]]:
        """Summaries of all commits, newest first."""
        at = self.head().snapshot_id
        while at >= 0:
            with self._lock:
                checkpoint = self._checkpoint(at)
            if checkpoint is not None:
                yield from reversed(checkpoint.history)
                at -= cp.span(at)
            else:
                yield self.commit(at).summary()
                at -= 1

    def summaries(self) -> tuple[list[dict[str, Any]], list[str]]:
        """Summaries of the newest commits, newest first; and the checkpoints with those of all others, by path."""
        at = self.head().snapshot_id
        loose: list[dict[str, Any]] = []
        paths: list[str] = []
        while at >= 0:
            if self._is_sound(at):
                paths.append(checkpoint_path(at))
                at -= cp.span(at)
            else:
                loose.append(self.commit(at).summary())
                at -= 1
        return loose, paths

    def _is_sound(self, snapshot_id: int) -> bool:
        """Whether there is a checkpoint that can be read; each file is looked into once."""
        if snapshot_id <= 0 or snapshot_id % cp.INTERVAL:
            return False
        path = self.root / checkpoint_path(snapshot_id)
        seen = files.signature(path)
        if seen is None or self._sound.get(snapshot_id) == seen:
            return seen is not None
        raw = files.read(path)
        if raw is None or not cp.is_sound(raw):
            return False
        self._sound[snapshot_id] = seen
        return True

    def find_key(self, commit_key: str) -> Commit | None:
        """The commit that was made with a commit key."""
        with self._lock:
            head = at = self.head().snapshot_id
            while at > self._keys_until:
                checkpoint = self._checkpoint(at)
                if checkpoint is not None:
                    self._keys.update(checkpoint.keys)
                    at -= cp.span(at)
                else:
                    key = self.commit(at).commit_key
                    if key is not None:
                        self._keys[key] = at
                    at -= 1
            self._keys_until = head
            found = self._keys.get(commit_key)
            return self.commit(found) if found is not None else None

    # -- publishing -----------------------------------------------------------------------------

    def publish(self, commit: Commit, *, sync: bool) -> bool:
        """Add the entry ``commit.snapshot_id``; False when another writer took that number.

        When this returns true with ``sync``, the entry is durable.
        """
        if not files.put_if_absent(self.root / entry_path(commit.snapshot_id), commit.encode(), sync=sync):
            return False
        with self._lock:
            self._remember(self._commits, commit.snapshot_id, commit, _COMMITS_KEPT)
        if commit.snapshot_id % cp.INTERVAL == 0 and commit.snapshot_id > 0:
            self.write_checkpoint(commit.snapshot_id, sync=sync)
        return True

    def write_checkpoint(self, snapshot_id: int, *, sync: bool) -> bool:
        """Write the checkpoint of an entry; false when that cannot be done.

        Checkpoints only save work: readers replay the log where there is none. The commit stands
        already, so nothing that goes wrong here may fail it.
        """
        try:
            with self._lock:
                self._checkpoints.pop(snapshot_id, None)
                refs = self.refs_at(snapshot_id)
                states = [self.state(head) for head in sorted(set(refs.branches.values()))]
                covered = self._covered(snapshot_id)
            raw = cp.encode(refs, states, covered)
            return files.put_if_absent(self.root / checkpoint_path(snapshot_id), raw, sync=sync)
        except Exception as error:
            _log.warning("no checkpoint was written at snapshot %s: %s", snapshot_id, error)
            return False

    def _covered(self, snapshot_id: int) -> list[dict[str, Any]]:
        out: list[dict[str, Any]] = []
        at = snapshot_id
        first = snapshot_id - cp.span(snapshot_id)
        while at > first:
            checkpoint = self._checkpoint(at) if at != snapshot_id else None
            if checkpoint is not None:
                out.extend(reversed(checkpoint.history))
                at -= cp.span(at)
            else:
                out.append(self.commit(at).summary())
                at -= 1
        return out[::-1]
