"""A view's query as one statement over its sources as they shall be."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence

from space_sql.format.types import quote_identifier
from space_sql.views import tree
from space_sql.views.definition import Definition, Table
from space_sql.views.relation import WEIGHT, names, placed
from space_sql.views.sources import Pinned


def whole(definition: Definition, sources: Sequence[Pinned], *, empty: Pinned | None = None) -> str:
    """The view's query, to be read in the caller's connection; one of the sources may be taken as empty."""
    parts = {s.source.name: s.nothing() if s is empty else s.new_sql() for s in sources}
    return _over(definition, parts | {t.name: f"FROM {t.sql}" for t in definition.static})


def bare(definition: Definition, sources: Sequence[Pinned]) -> str:
    """The view's query over no rows: it has the columns of the whole, and needs less of the caller's connection."""
    parts = {s.source.name: s.nothing() for s in sources}
    return _over(definition, parts | {t.name: _nothing(t) for t in definition.static})


def _nothing(table: Table) -> str:
    """No rows of a static table; of a file, whose columns were not written down, the file."""
    typed = ", ".join(f"NULL::{t} AS {quote_identifier(n)}" for n, t in table.columns)
    return f"SELECT {typed} WHERE false" if typed else f"FROM {table.sql}"


def _over(definition: Definition, parts: Mapping[str, str]) -> str:
    """The view's query with queries in the place of its tables."""
    # Not as a WITH: DuckDB 1.5 does not understand all that it understands in place.
    mark = f"_space_{secrets.token_hex(8)}_"
    marked = placed(tree.parse(definition.query), {name: mark + name for name in parts})
    return re.sub(rf'"?{mark}(\w+)"?', lambda found: f"(\n{parts[found[1]]}\n)", tree.render(marked))


def whole_rows(
    definition: Definition,
    sources: Sequence[Pinned],
    columns: Sequence[tuple[str, str]],
    *,
    empty: Pinned | None = None,
) -> str:
    """Its rows as those of a view with these columns, each with the weight 1."""
    cast = ", ".join(f"CAST(_space_q.{quote_identifier(n)} AS {t}) AS {quote_identifier(n)}" for n, t in columns)
    rows = whole(definition, sources, empty=empty)
    return f"SELECT {cast}, 1 AS {WEIGHT} FROM (\n{rows}\n) AS _space_q({names(columns)})"
