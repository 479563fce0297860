"""space_scan: the rows of a version."""

from __future__ import annotations

from space_sql.dataset.scan import rows_sql
from space_sql.dataset.session import Session
from space_sql.errors import InvalidInputError


def read(session: Session, path: str | None, version: str | None, as_of: int | None, records: str | None) -> str:
    """SQL for the rows of a version, or of the newest snapshot at ``as_of`` (UTC microseconds).

    ``records`` says what record fields show: their ``value``, or their ``address``.
    """
    if records not in (None, "value", "address"):
        raise InvalidInputError(f"records is 'value' or 'address', not '{records}'")
    view = session.view(path)
    if as_of is not None:
        if version is not None:
            raise InvalidInputError("give version or as_of, not both")
        snapshot_id = view.as_of(as_of, session.branch)
    else:
        snapshot_id = view.resolve(version, session.branch)
    state = view.state(snapshot_id)
    columns = state.schema.columns
    addresses = [c.name for c in columns if c.record is not None] if records == "address" else ()
    return rows_sql(view.dataset.root, list(state.files.values()), columns, addresses=addresses)
