"""A version as SQL that any DuckDB runs, with nothing of ours loaded: what it shows, and what it leaves out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from space_sql.dataset.scan import rows_sql
from space_sql.format.schema import Column
from space_sql.format.state import State
from space_sql.format.types import BIGINT, Type, quote_identifier


@dataclass(frozen=True)
class Shown:
    """A column of the query; ``column`` is the dataset's, of which a record field shows only the size."""

    name: str
    column: Column

    @property
    def type(self) -> Type:
        """The type that the query gives."""
        return BIGINT if self.column.record is not None else self.column.type

    @property
    def sql(self) -> str:
        """Its item in a SELECT over rows whose record fields are addresses."""
        name = quote_identifier(self.name)
        if self.column.record is None:
            return name
        return f"struct_extract({quote_identifier(self.column.name)}, 'bytes')::BIGINT AS {name}"

    @property
    def comment(self) -> str | None:
        """What is said of it."""
        if self.column.record is None:
            return self.column.comment
        size = f"size in bytes of the record field {self.column.name}"
        return f"{self.column.comment} ({size})" if self.column.comment else size


def shown(state: State) -> list[Shown]:
    """The columns in their order: a record field ``image`` is there as ``image_bytes``."""
    taken = {c.name.casefold() for c in state.schema.columns if c.record is None}
    out = []
    for column in state.schema.columns:
        name = column.name
        if column.record is not None:
            name = _free(f"{column.name}_bytes", taken)
            taken.add(name.casefold())
        out.append(Shown(name, column))
    return out


def plain_sql(root: Path, state: State) -> str:
    """The query: data files by their absolute paths, without the rows that are deleted."""
    columns = state.schema.columns
    records = [c.name for c in columns if c.record is not None]
    rows = rows_sql(root, list(state.files.values()), columns, addresses=records)
    if not records:
        return rows
    return f"SELECT {', '.join(item.sql for item in shown(state))} FROM (\n{rows}\n)"


def left_out(state: State) -> str | None:
    """Why some columns are not as the dataset has them; None when all are."""
    told = [
        f'"{s.column.name}" is a record field, which only Space SQL reads: "{s.name}" has its size'
        for s in shown(state)
        if s.column.record is not None
    ]
    return "; ".join(told) or None


def _free(name: str, taken: Collection[str]) -> str:
    number, free = 1, name
    while free.casefold() in taken:
        number += 1
        free = f"{name}_{number}"
    return free
