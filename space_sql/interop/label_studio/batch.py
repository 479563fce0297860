"""What arrived from Label Studio, and how much of a project it tells about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Fetch = Callable[[str, Path], None]


@dataclass(frozen=True)
class Batch:
    """Tasks as an export has them, or events of webhooks.

    Args:
        file: a JSON array of tasks (an export, whole or of some tasks).
        events: bodies of webhooks, as JSON, in the order of their arrival.
        project: what the tasks belong to where they do not say so.
        complete: tasks of the project that are neither in the file nor in ``present`` are gone.
        present: ids of further tasks that exist.
        deleted: ids of tasks that are gone.
        users: e-mail addresses of annotators by id.
        fetch: puts what is at an address that a task names into a file.
    """

    file: Path | None = None
    events: Sequence[bytes] = ()
    project: int | None = None
    complete: bool = False
    present: Sequence[int] = ()
    deleted: Sequence[int] = ()
    users: Mapping[int, str] = field(default_factory=dict)
    fetch: Fetch | None = None
