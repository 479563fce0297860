"""Chosen rows of a snapshot in a fixed order, and a rank's share of an epoch over them.

Without other order, rows come as they lie in the data files: by file number, then position. So the order belongs to
the snapshot. ``order_by`` goes before that, and equal rows keep it.

Source: docs/adr/011-epochs.md.
"""

from __future__ import annotations

from pathlib import Path

from space_sql.dataset.deterministic import ROW, condition_sql, order_sql
from space_sql.dataset.scan import FILE, POS, rows_sql, value_sql
from space_sql.dataset.shuffle import shuffled_sql
from space_sql.format.state import State
from space_sql.format.types import quote_identifier


def selected_sql(root: Path, state: State, where: str | None) -> str:
    """The rows for which a condition is true, with their file and position; record fields are addresses."""
    columns = state.schema.columns
    rows = rows_sql(
        root,
        list(state.files.values()),
        columns,
        positions=True,
        addresses=[c.name for c in state.schema.records],
    )
    condition = "" if where is None else f"\nWHERE {condition_sql(where, state.schema, 'the condition')}"
    return f"SELECT * FROM (\n{rows}\n) AS {ROW}{condition}"


def ordering(state: State, order_by: str | None) -> str:
    """The terms that put those rows in order."""
    return ", ".join([*([] if order_by is None else [order_sql(order_by, state.schema)]), FILE, POS])


def epoch_sql(
    root: Path,
    state: State,
    *,
    seed: int,
    epoch: int,
    rank: int,
    world: int,
    where: str | None,
    order_by: str | None,
) -> str:
    """The rows of a rank in the order of an epoch."""
    number = f"row_number() OVER (ORDER BY {ordering(state, order_by)}) - 1 AS _space_index"
    rows = shuffled_sql(f"SELECT *, {number} FROM (\n{selected_sql(root, state, where)}\n) AS {ROW}", seed, epoch)
    if world > 1:
        place = "(row_number() OVER (ORDER BY _space_slot) - 1)"
        rows = f"SELECT * FROM (\n{rows}\n) QUALIFY {place} % {world} = {rank}"
    items = []
    for column in state.schema.columns:
        name = quote_identifier(column.name)
        items.append(name if column.record is None else f"{value_sql(root, column, name)} AS {name}")
    return f"SELECT {', '.join(items)} FROM (\nSELECT * FROM (\n{rows}\n) ORDER BY _space_slot)"
