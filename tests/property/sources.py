"""Sources of rows: drawn columns and literals, as a query and as values of the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hypothesis import strategies as st

from tests.property.model import Column, Content, Values
from tests.property.values import POOLS, Literal, freeze, integer, null, values

NAMES = ("label", "Note", "no te", "ünï", "select", "s", "filename", "file_index", "file_row_number", 'quo"ted')
TYPES = tuple(POOLS)
IDS = st.integers(1, 6)


def quoted(name: str) -> str:
    """A name as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def draw_columns(data: st.DataObject, content: Content, new_ids: Iterator[int], *, evolve: bool) -> list[Column]:
    """Columns of a source: the key, some of the others, and with ``evolve`` perhaps a new or wider one."""
    keys = [c for c in content.columns if c.id in content.keys]
    others = [c for c in content.columns if c.id not in content.keys]
    chosen = [c for c in others if data.draw(st.integers(0, 3)) > 0]
    if evolve:
        chosen = [
            Column(c.id, c.name, "BIGINT") if c.type == "INTEGER" and data.draw(st.booleans()) else c for c in chosen
        ]
        name = data.draw(st.sampled_from(NAMES))
        if content.named(name) is None:
            chosen.append(Column(next(new_ids), name, data.draw(st.sampled_from(TYPES))))
    return data.draw(st.permutations(keys + chosen))


def draw_rows(
    data: st.DataObject, content: Content, columns: Sequence[Column], *, nulls: bool = False, most: int = 4
) -> list[list[Literal]]:
    """Rows of literals for columns of a source; keys come from a small range, so that they meet."""
    cells = []
    for column in columns:
        if column.id in content.keys:
            key = IDS.map(integer) if column.type == "BIGINT" else st.sampled_from(["", "a", "ü"]).map(_text)
            cells.append(key | st.just(null(column.type)) if nulls else key)
        else:
            cells.append(values(column.type))
    return [list(row) for row in data.draw(st.lists(st.tuples(*cells), max_size=most))]


def source_sql(columns: Sequence[Column], rows: Sequence[Sequence[Literal]]) -> str:
    """A query of the rows; without rows it still has the columns and types."""
    if not rows:
        return "SELECT " + ", ".join(f"{null(c.type).sql} AS {quoted(c.name)}" for c in columns) + " WHERE false"
    names = ", ".join(quoted(c.name) for c in columns)
    listed = ", ".join("(" + ", ".join(cell.sql for cell in row) + ")" for row in rows)
    return f"FROM (VALUES {listed}) t({names})"


def as_values(columns: Sequence[Column], rows: Sequence[Sequence[Literal]]) -> list[Values]:
    """The same rows for the model."""
    return [{c.id: cell.value for c, cell in zip(columns, row, strict=True)} for row in rows]


def _text(value: str) -> Literal:
    return Literal(f"'{value}'", freeze(value))
