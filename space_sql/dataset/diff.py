"""The net difference of any two versions, by primary key."""

from __future__ import annotations

from dataclasses import dataclass

from space_sql.dataset.dataset import View
from space_sql.dataset.difference import rows_only_in
from space_sql.dataset.shared_columns import wide_enough
from space_sql.format.carriers import logical_projection, physical
from space_sql.format.schema import Column
from space_sql.format.state import State
from space_sql.format.types import quote_identifier


@dataclass(frozen=True)
class _Slot:
    """One column of the compared rows: a column of either version, read as the newer one defines it."""

    column: Column
    name: str
    in_from: bool
    in_to: bool


def _slots(older: State, newer: State, first: State) -> list[_Slot]:
    """The union of both versions' columns by id, the newer version's first."""
    columns = [wide_enough(c, [older]) for c in newer.schema.columns]
    columns += [c for c in older.schema.columns if c.id not in newer.schema.by_id]
    second = newer if first is older else older
    return [
        _Slot(c, f"_space_c{i}", c.id in first.schema.by_id, c.id in second.schema.by_id) for i, c in enumerate(columns)
    ]


def diff_sql(view: View, from_id: int, to_id: int) -> str:
    """A query of ``diff_type``, then ``from_<column>`` for all columns, then ``to_<column>``.

    Rows that stand at one position in both versions are equal and never read; of the others, equal
    ones are taken out as a bag, and the rest is paired by key.
    """
    first, second = view.state(from_id), view.state(to_id)
    older, newer = (first, second) if from_id <= to_id else (second, first)
    slots = _slots(older, newer, first)
    keys = [s.name for s in slots if s.column.id in newer.schema.primary_keys]
    join = " AND ".join(f"a.{k} IS NOT DISTINCT FROM b.{k}" for k in [*keys, "_space_n"])
    numbered = f"*, row_number() OVER (PARTITION BY {', '.join(keys)}) AS _space_n"
    items = [
        "CASE WHEN a._space_n IS NULL THEN 'added' WHEN b._space_n IS NULL THEN 'removed' "
        "ELSE 'modified' END AS diff_type"
    ]
    items += _items(slots, "a", "from_", from_side=True)
    items += _items(slots, "b", "to_", from_side=False)
    return (
        f"WITH _space_from AS MATERIALIZED ({_rows(view, first, second, slots, from_side=True)}),\n"
        f"_space_to AS MATERIALIZED ({_rows(view, second, first, slots, from_side=False)}),\n"
        f"_space_removed AS (SELECT {numbered} FROM (FROM _space_from EXCEPT ALL FROM _space_to)),\n"
        f"_space_added AS (SELECT {numbered} FROM (FROM _space_to EXCEPT ALL FROM _space_from))\n"
        f"SELECT {', '.join(items)} FROM _space_removed AS a FULL JOIN _space_added AS b ON {join}"
    )


def _rows(view: View, here: State, there: State, slots: list[_Slot], *, from_side: bool) -> str:
    present = [s for s in slots if (s.in_from if from_side else s.in_to)]
    parts = rows_only_in(
        view.dataset.root,
        here.files,
        there.files,
        [s.column for s in present],
        names=[s.name for s in present],
        logical=False,
        apart=frozenset(s.column.id for s in slots if s.in_from != s.in_to),
    )
    if not parts:
        return f"SELECT {', '.join(_null(s) for s in slots)} WHERE false"
    items = [s.name if (s.in_from if from_side else s.in_to) else _null(s) for s in slots]
    return f"SELECT {', '.join(items)} FROM (\n" + "\nUNION ALL\n".join(parts) + "\n)"


def _null(slot: _Slot) -> str:
    return f"CAST(NULL AS {physical(slot.column.type)}) AS {slot.name}"


def _items(slots: list[_Slot], table: str, prefix: str, *, from_side: bool) -> list[str]:
    out = []
    for slot in _shown(slots, from_side=from_side):
        value = logical_projection(slot.column.type, f"{table}.{slot.name}")
        out.append(f"{value} AS {quote_identifier(prefix + slot.column.name)}")
    return out


def _shown(slots: list[_Slot], *, from_side: bool) -> list[_Slot]:
    """Output columns by name: a column that was dropped and added anew is one pair."""
    chosen: dict[str, _Slot] = {}
    for slot in slots:
        name = slot.column.name.casefold()
        if name not in chosen or (slot.in_from if from_side else slot.in_to):
            chosen[name] = slot
    return list(chosen.values())


def compared(view: View, from_id: int, to_id: int) -> list[tuple[Column, Column]]:
    """The columns of a difference as the two versions have them, in the order in which ``diff_sql`` shows them."""
    first, second = view.state(from_id), view.state(to_id)
    older, newer = (first, second) if from_id <= to_id else (second, first)
    slots = _slots(older, newer, first)
    sides = (_shown(slots, from_side=side) for side in (True, False))
    return [(a.column, b.column) for a, b in zip(*sides, strict=True)]
