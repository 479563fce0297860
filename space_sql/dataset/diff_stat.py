"""How much differs between two versions: rows as a whole, and cells by column."""

from __future__ import annotations

from space_sql.dataset.dataset import View
from space_sql.dataset.diff import compared, diff_sql
from space_sql.dataset.scan import same_values
from space_sql.format.types import quote_literal


def diff_stat_sql(view: View, from_id: int, to_id: int) -> str:
    """A query of ``column_name`` (NULL first, for whole rows), ``added``, ``modified``, ``removed``."""
    columns = compared(view, from_id, to_id)
    before = [f"_space_f{i}" for i in range(len(columns))]
    after = [f"_space_t{i}" for i in range(len(columns))]
    counts = [f"count(*) FILTER (diff_type = '{kind}')" for kind in ("added", "modified", "removed")]
    rows = [_row("NULL", counts)]
    for pair, a, b in zip(columns, before, after, strict=True):
        if pair.only_records:
            differ = f"NOT ({same_values(pair.before.column, a, b)})"
        elif pair.before.column.type != pair.after.column.type:
            differ = f"CAST({a} AS VARCHAR) IS DISTINCT FROM CAST({b} AS VARCHAR)"
        else:
            differ = f"{a} IS DISTINCT FROM {b}"
        cells = (
            f"{a} IS NULL AND {b} IS NOT NULL",
            f"{a} IS NOT NULL AND {b} IS NOT NULL AND {differ}",
            f"{a} IS NOT NULL AND {b} IS NULL",
        )
        rows.append(_row(quote_literal(pair.name), [f"count(*) FILTER ({cell})" for cell in cells]))
    rows_of = diff_sql(view, from_id, to_id, addresses=True)
    names = ", ".join(["diff_type", *before, *after])
    return f"SELECT unnest([{', '.join(rows)}], recursive := true) FROM ({rows_of}) AS _space_diff({names})"


def _row(name: str, counts: list[str]) -> str:
    added, modified, removed = counts
    return f"{{column_name: {name}::VARCHAR, added: {added}, modified: {modified}, removed: {removed}}}"
