"""The net difference of any two versions, by primary key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

from space_sql.dataset.dataset import View
from space_sql.dataset.difference import bag_minus, rows_only_in
from space_sql.dataset.scan import NO_FILES, value_sql
from space_sql.dataset.shared_columns import wide_enough
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
    columns = [wide_enough(c, [older.schema]) for c in newer.schema.columns]
    columns += [c for c in older.schema.columns if c.id not in newer.schema.by_id]
    second = newer if first is older else older
    return [
        _Slot(c, f"_space_c{i}", c.id in first.schema.by_id, c.id in second.schema.by_id) for i, c in enumerate(columns)
    ]


def diff_sql(view: View, from_id: int, to_id: int, *, addresses: bool = False) -> str:
    """A query of ``diff_type``, then ``from_<column>`` for all columns, then ``to_<column>``.

    Rows that stand at one position in both versions are equal and never read; of the others, equal
    ones are taken out as a bag, and the rest is paired by key. With ``addresses``, record fields are those.
    """
    first, second = view.state(from_id), view.state(to_id)
    older, newer = (first, second) if from_id <= to_id else (second, first)
    slots = _slots(older, newer, first)
    keys = [s.name for s in slots if s.column.id in newer.schema.primary_keys]
    join = " AND ".join(f"a.{k} IS NOT DISTINCT FROM b.{k}" for k in [*keys, "_space_n"])
    numbered = f"*, row_number() OVER (PARTITION BY {', '.join(keys)}) AS _space_n"
    stored = [
        "CASE WHEN a._space_n IS NULL THEN 'added' WHEN b._space_n IS NULL THEN 'removed' "
        "ELSE 'modified' END AS diff_type"
    ]
    stored += [f"{table}.{s.name} AS {s.name}_{table}" for table in ("a", "b") for s in slots]
    # Values are computed outside of the CTEs: DuckDB 1.5 computes columns that nobody asked for inside of them.
    items = ["diff_type"]
    for table, prefix in (("a", "from_"), ("b", "to_")):
        for pair in _pairs(slots):
            slot = pair.before if table == "a" else pair.after
            value = f"{slot.name}_{table}"
            if not (addresses and pair.only_records):
                value = value_sql(view.dataset.root, slot.column, value)
            items.append(f"{value} AS {quote_identifier(prefix + pair.name)}")
    columns, names = [s.column for s in slots], [s.name for s in slots]
    removed = bag_minus("FROM _space_from", "FROM _space_to", columns, names)
    added = bag_minus("FROM _space_to", "FROM _space_from", columns, names)
    return (
        f"SELECT {', '.join(items)} FROM (\n"
        f"WITH _space_from AS MATERIALIZED ({_rows(view, first, second, slots, from_side=True)}),\n"
        f"_space_to AS MATERIALIZED ({_rows(view, second, first, slots, from_side=False)}),\n"
        f"_space_removed AS (SELECT {numbered} FROM ({removed})),\n"
        f"_space_added AS (SELECT {numbered} FROM ({added}))\n"
        f"SELECT {', '.join(stored)} FROM _space_removed AS a FULL JOIN _space_added AS b ON {join}\n)"
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
        return f"SELECT {', '.join(_null(s) for s in slots)} FROM {NO_FILES} WHERE false"
    items = [s.name if (s.in_from if from_side else s.in_to) else _null(s) for s in slots]
    return f"SELECT {', '.join(items)} FROM (\n" + "\nUNION ALL\n".join(parts) + "\n)"


def _null(slot: _Slot) -> str:
    return f"CAST(NULL AS {slot.column.stored_type}) AS {slot.name}"


@dataclass(frozen=True)
class Pair:
    """One column of a difference: what it is called there, and the column that shows it on each side."""

    name: str
    before: _Slot
    after: _Slot

    @property
    def only_records(self) -> bool:
        """Whether both sides are record fields, whose addresses tell whether they are equal."""
        return all(slot.column.record is not None for slot in (self.before, self.after))


def _pairs(slots: Sequence[_Slot]) -> list[Pair]:
    """The columns to show, under different names.

    A column that was dropped and added anew is one pair. Where a column was dropped or renamed and another took
    over its name, while one version has both, the one that only the older version has gets a number to its name.
    """
    pairs: dict[str, Pair] = {}
    taken = {slot.column.name.casefold() for slot in slots}
    for slot in slots:
        name = slot.column.name
        other = pairs.get(name.casefold())
        if other is None:
            pairs[name.casefold()] = Pair(name, slot, slot)
        elif slot.in_from and not other.before.in_from:
            pairs[name.casefold()] = replace(other, before=slot)
        elif slot.in_to and not other.after.in_to:
            pairs[name.casefold()] = replace(other, after=slot)
        else:
            free = next(n for i in count(1) if (n := f"{name}_{i}").casefold() not in taken)
            taken.add(free.casefold())
            pairs[free.casefold()] = Pair(free, slot, slot)
    return list(pairs.values())


def compared(view: View, from_id: int, to_id: int) -> list[Pair]:
    """The columns of a difference in the order in which ``diff_sql`` shows them."""
    first, second = view.state(from_id), view.state(to_id)
    older, newer = (first, second) if from_id <= to_id else (second, first)
    return _pairs(_slots(older, newer, first))
