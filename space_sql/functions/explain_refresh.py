"""space_explain_refresh: which operators of a view refresh incrementally, how, and why not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from space_sql.dataset.dataset import folder
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Report
from space_sql.errors import InvalidInputError
from space_sql.format.paths import MARKER
from space_sql.functions.materialize import named
from space_sql.views.materialize import read_definition
from space_sql.views.plan import explained
from space_sql.views.relation import NoRule
from space_sql.views.sources import pinned
from space_sql.views.watermark import watermark


def apply(
    session: Session,
    options: Options,
    view: str | None,
    static: object,
    time_zone: str | None,
    catalogue: Mapping[str, Any],
) -> Report:
    """One row an operator; one row with the reason where the whole view is refreshed in full."""
    if view is None or not view.strip():
        raise InvalidInputError("a view is required: its name, its query, or the path of a materialized one")
    if "\n" not in view and len(view) < 4096 and "\x00" not in view and (folder(view) / MARKER).is_file():
        at = session.view(view)
        root = at.dataset.root
        definition = watermark(at, at.resolve(None, session.branch))
    else:
        root = Path.cwd() / "_space_explained"
        definition = read_definition(session, root, view, named(static), catalogue, time_zone)
    try:
        steps, _ = explained(definition, pinned(session, root, definition, None))
    except NoRule as reason:
        return Report(
            [{"operator": "view", "rule": "full", "reason": f"{reason.code}: {reason.detail}", "state": "none"}]
        )
    return Report([{"operator": s.operator, "rule": s.rule, "reason": None, "state": s.state} for s in steps])
