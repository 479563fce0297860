"""What keeps two branches from merging, as a query: one row a conflicting cell."""

from __future__ import annotations

from space_sql.dataset.conflict_rows import conflict_rows
from space_sql.dataset.dataset import View
from space_sql.dataset.merge import meeting, sides_of
from space_sql.dataset.scan import NO_FILES
from space_sql.dataset.threeway import ThreeWay, as_query
from space_sql.dataset.united import united
from space_sql.format.schema import Schema
from space_sql.format.types import quote_identifier

_TEXTS = ("kind", "column_name", "base", "ours", "theirs")


def conflicts_sql(view: View, branch: str, target: str) -> str:
    """A query of ``key`` (a struct of the key columns), ``kind``, ``column_name``, ``base``, ``ours``, ``theirs``."""
    theirs = view.head(branch)
    ours = view.state(view.head(target))
    met = meeting(view, ours.snapshot_id, theirs)
    if met.contained or met.forward:
        return _none(ours.schema)
    sides = sides_of(view, met, ours, target, branch)
    merge = ThreeWay(view.dataset.root, sides, united(sides, None))
    steps = [s for s in merge.steps() if s.name not in ("valued", "merged")]
    return as_query(steps, conflict_rows(merge, records=True))


def _none(schema: Schema) -> str:
    key = ", ".join(f"{quote_identifier(k.name)} {k.type}" for k in schema.keys)
    texts = ", ".join(f"NULL::VARCHAR AS {name}" for name in _TEXTS)
    return f"SELECT NULL::STRUCT({key}) AS key, {texts} FROM {NO_FILES} WHERE false"
