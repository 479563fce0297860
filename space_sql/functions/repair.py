"""space_repair: make anew what the log tells, remove what nothing refers to."""

from __future__ import annotations

from dataclasses import asdict

from space_sql.dataset.dataset import open_dataset
from space_sql.dataset.repair import repair
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Report


def apply(session: Session, _options: Options, path: str | None, dry_run: bool | None) -> Report:
    """Do it, and list what was done."""
    return Report([asdict(a) for a in repair(open_dataset(path), sync=session.sync, dry_run=bool(dry_run))])
