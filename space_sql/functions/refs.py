"""space_refs: tags and branches."""

from __future__ import annotations

from space_sql.dataset.session import Session
from space_sql.functions.table import table_sql

COLUMNS = {"name": "VARCHAR", "type": "VARCHAR", "snapshot_id": "BIGINT"}


def read(session: Session, path: str | None) -> str:
    """SQL for all refs: branches first, then tags, by name."""
    refs = session.view(path).refs
    rows = [{"name": n, "type": "branch", "snapshot_id": s} for n, s in sorted(refs.branches.items())]
    rows += [{"name": n, "type": "tag", "snapshot_id": s} for n, s in sorted(refs.tags.items())]
    return table_sql(COLUMNS, rows)
