"""space_verify: look at everything that a reader relies on."""

from __future__ import annotations

from dataclasses import asdict

from space_sql.dataset.dataset import open_dataset
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Report
from space_sql.dataset.verify import findings


def apply(_session: Session, _options: Options, path: str | None, deep: bool | None) -> Report:
    """List what is wrong; nothing is changed."""
    return Report([asdict(f) for f in findings(open_dataset(path), deep=bool(deep))])
