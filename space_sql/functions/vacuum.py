"""space_vacuum: remove files that no readable snapshot needs."""

from __future__ import annotations

import time

from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Report
from space_sql.dataset.vacuum import remove, unneeded
from space_sql.errors import InvalidInputError

GRACE = 7 * 24 * 3600 * 1_000_000
"""Microseconds for which what has expired, or what nobody refers to, is kept."""


def apply(
    session: Session,
    _options: Options,
    path: str | None,
    older_than: str | None,
    before: int | None,
    dry_run: bool | None,
) -> Report:
    """Do it, and list the files."""
    if older_than is not None and before is None:
        raise InvalidInputError(f"older_than is a TIMESTAMPTZ or an INTERVAL, not '{older_than}'")
    view = session.view(path).dataset.view()
    now = time.time_ns() // 1000
    if before is not None and before > now + 1_000_000:
        raise InvalidInputError("older_than is in the future")
    chosen = unneeded(view, now - GRACE if before is None else before)
    if not dry_run:
        chosen = remove(view, chosen)
    return Report([{"file": u.path, "file_size_bytes": u.bytes, "reason": u.reason} for u in chosen])
