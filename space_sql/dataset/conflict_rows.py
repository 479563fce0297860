"""The conflicts of a three-way merge as rows that people read: a cell each, with what every side has in it."""

from __future__ import annotations

from collections.abc import Iterator

from space_sql.dataset.scan import identity_sql, value_sql
from space_sql.dataset.threeway import ThreeWay
from space_sql.dataset.united import Slot
from space_sql.format.types import VARCHAR, quote_identifier, quote_literal


def conflict_rows(merge: ThreeWay, *, records: bool = False) -> str:
    """A query over the steps: ``key, kind, column_name, base, ours, theirs``, a row for each open conflict.

    Records are told by length and hash; with ``records``, those that are text are shown.
    """
    key = ", ".join(
        f"{quote_identifier(s.column.name)} := {value_sql(merge.root, s.column, s.name)}" for s in merge.united.keys
    )
    key = f"struct_pack({key})"
    none = "NULL::VARCHAR"
    clashes = merge.united.clashes if merge.winner is None else ()
    told = [(c.kind, c.column_name, c.base, c.ours, c.theirs) for c in clashes]
    parts = [f"SELECT NULL, {', '.join(map(_text, texts))}" for texts in told]
    parts.append(
        f"SELECT {key}, CASE side WHEN 'base' THEN 'doubled' ELSE 'doubled_in_' || side END, "
        f"{none}, {none}, {none}, {none} FROM doubled JOIN keys USING (n)"
    )
    if merge.winner is None:
        cells = " OR ".join(f"open{s.name}" for s in merge.united.kept) or "false"
        parts.append(
            f"SELECT {key}, kind, {none}, {none}, {none}, {none} FROM judged WHERE open_clash AND NOT ({cells})"
        )
        for s in merge.united.cells:
            kind = "kind" if s.dropped is None else quote_literal(f"dropped_by_{s.dropped}")
            values = ", ".join(_shown(merge, s, records=records))
            parts.append(
                f"SELECT {key}, {kind}, {quote_literal(s.column.name)}, {values} FROM judged WHERE open{s.name}"
            )
    typed = ", ".join(f"{quote_identifier(s.column.name)} {s.column.type}" for s in merge.united.keys)
    head = f"SELECT NULL::STRUCT({typed}) AS key, {none} AS kind, {none} AS column_name, {none} AS base, "
    head += f"{none} AS ours, {none} AS theirs WHERE false"
    return " UNION ALL ".join([head, *parts])


def _shown(merge: ThreeWay, slot: Slot, *, records: bool) -> Iterator[str]:
    """What an ancestor and both sides have in a cell, as text; NULL where a side has no row or no column."""
    for side, has in (("base0", "has_base0"), ("ours", "has_ours"), ("theirs", "has_theirs")):
        value = f"{side}{slot.name}"
        if slot.column.record is None or (slot.column.type == VARCHAR and records):
            text = f"CAST({value_sql(merge.root, slot.column, value)} AS VARCHAR)"
        else:
            size, mark = identity_sql(slot.column, value)
            text = f"{size} || if({size} = 1, ' byte', ' bytes') || ', sha256 ' || lower(hex({mark})) || '…'"
        yield "NULL" if slot.dropped == side else f"CASE WHEN {has} THEN {text} END"


def _text(value: str | None) -> str:
    return "NULL::VARCHAR" if value is None else quote_literal(value)
