"""How far a sync came on a branch, and whether that still holds for what is stored there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from space_sql.dataset.session import Session
from space_sql.errors import SpaceError
from space_sql.interop.label_studio.datasets import KEYS
from space_sql.interop.label_studio.place import Place

BEGINNING = "1970-01-01T00:00:00Z"
OVERLAP = timedelta(seconds=60)
"""How far before the last change that is known a sync looks again: changes appear a little late."""

_BACKWARDS = {"restore", "overwrite"}


@dataclass(frozen=True)
class Standing:
    """Of a project and a branch.

    Args:
        updated_at: the newest change of a task that was seen, by the server's clock.
        asked_at: when the server was asked, in nanoseconds since 1970 by the clock of this machine.
    """

    updated_at: str = BEGINNING
    asked_at: int = 0


def standing(place: Place, session: Session, root: Path, server: str, project: int, branch: str) -> Standing:
    """What was kept, where the datasets have only gone on since then; else the beginning, so all is fetched again."""
    kept = place.progress(project)
    found = (kept.get("branches") or {}).get(branch) if kept.get("server") == server else None
    if not isinstance(found, dict) or not _goes_on(session, root, branch, found.get("heads")):
        return Standing()
    return Standing(str(found["updated_at"]), int(found["asked_at"]))


def keep(place: Place, root: Path, server: str, project: int, branch: str, reached: Standing) -> None:
    """Remember how far a sync came."""
    kept = place.progress(project)
    branches: dict[str, Any] = dict(kept.get("branches") or {}) if kept.get("server") == server else {}
    branches[branch] = {"updated_at": reached.updated_at, "asked_at": reached.asked_at, "heads": _heads(root, branch)}
    place.keep_progress(project, {"server": server, "branches": branches})


def asked_at(place: Place, project: int, branch: str) -> int:
    """When the server was asked before the last sync that came to its end; 0 before the first."""
    found = (place.progress(project).get("branches") or {}).get(branch)
    return int(found["asked_at"]) if isinstance(found, dict) else 0


def _heads(root: Path, branch: str) -> dict[str, list[str | int]]:
    session = Session(0, 0)
    views = {name: session.view(str(root / name)) for name in KEYS}
    return {name: [view.dataset_id, view.head(branch)] for name, view in views.items()}


def _goes_on(session: Session, root: Path, branch: str, heads: Any) -> bool:
    """Whether each dataset is the one it was, and what was its head lies in its history, never gone back from."""
    try:
        for name in KEYS:
            dataset_id, snapshot_id = heads[name]
            view = session.view(str(root / name))
            since = view.chain(int(snapshot_id), view.head(branch))
            if view.dataset_id != dataset_id or any(commit.operation in _BACKWARDS for commit in since):
                return False
    except (SpaceError, LookupError, TypeError, ValueError):
        return False
    return True
