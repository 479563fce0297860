"""A view's query as one statement over its sources as they shall be."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

from space_sql.format.types import quote_identifier
from space_sql.views import tree
from space_sql.views.definition import Definition
from space_sql.views.relation import WEIGHT, names, placed
from space_sql.views.sources import Pinned


def whole(definition: Definition, sources: Sequence[Pinned], *, empty: Pinned | None = None) -> str:
    """The view's query, to be read in the caller's connection; one of the sources may be taken as empty."""
    # Not as a WITH: DuckDB 1.5 does not understand all that it understands in place.
    parts = {s.source.name: f"(\n{s.nothing() if s is empty else s.new_sql()}\n)" for s in sources}
    parts |= {t.name: f"(FROM {t.sql})" for t in definition.static}
    mark = f"_space_{secrets.token_hex(8)}_"
    marked = placed(tree.parse(definition.query), {name: mark + name for name in parts})
    return re.sub(rf'"?{mark}(\w+)"?', lambda found: parts[found[1]], tree.render(marked))


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
