"""A refresh as many queries, each over a fragment of the rows that it reads: what they give together is the whole.

That is so where every rule is additive: what two changes do is what the one does and what the other does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from space_sql.views.compiled import Compiled, Shape, compiled
from space_sql.views.definition import Definition
from space_sql.views.relation import WEIGHT, NoRule, coming, netted
from space_sql.views.sources import Delta, Pinned
from space_sql.views.whole import whole_rows

ROWS = "\0rows\0"
"""Stands for a query over what all fragments gave, in the statement that makes the change of it."""

_ADDITIVE = {"linear", "terms"}

Columns = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Fragments:
    """The queries of weighted rows; ``whole`` makes the change of their rows, None: their rows are what comes."""

    queries: Callable[[int], list[str]]
    whole: str | None


def of_changes(
    made: Compiled,
    texts: Mapping[str, str],
    shapes: Sequence[Shape],
    sources: Sequence[Pinned],
    deltas: Sequence[Delta | None],
) -> Fragments | None:
    """Fragments of an incremental refresh: of the changed rows of one source after the other."""
    if not made.rules <= _ADDITIVE:
        return None

    def queries(size: int) -> list[str]:
        none = dict(texts)
        for shape, source in zip(shapes, sources, strict=True):
            none |= shape.changing_by(f"SELECT *, 1 AS {WEIGHT} FROM ({source.nothing()})")
        return [
            made.filled(none | shape.changing_by(piece))
            for shape, source, delta in zip(shapes, sources, deltas, strict=True)
            if delta is not None
            for piece in source.delta_pieces(delta, size)
        ]

    return Fragments(queries, None if made.grows else netted(made.columns, ROWS))


def of_all(definition: Definition, sources: Sequence[Pinned], columns: Columns, stored: str | None) -> Fragments | None:
    """Fragments of a whole result, by the source with the most rows; ``stored`` are rows in whose place it comes.

    The result is what there is when that source is empty, and what comes when it gets its rows.
    """
    if not sources:
        return None
    most = max(sources, key=lambda source: source.state.rows)
    shapes = tuple(Shape(s.source.name, s.columns, s.key, frozenset(), s is most, s is most) for s in sources)
    try:
        made = compiled(definition.query, definition.functions, shapes, definition.static, tuple(columns))
    except NoRule:
        return None
    if made.sql is None or not made.rules <= _ADDITIVE:
        return None

    def queries(size: int) -> list[str]:
        texts: dict[str, str] = {}
        for shape, source in zip(shapes, sources, strict=True):
            texts |= shape.texts(source.new_sql(), source.nothing(), "")
        comes = [made.filled(texts | shapes[sources.index(most)].changing_by(piece)) for piece in most.new_pieces(size)]
        return [*comes, whole_rows(definition, sources, columns, empty=most)]

    if stored is None:
        return Fragments(queries, None)
    return Fragments(queries, netted(columns, f"{ROWS}\nUNION ALL\n{coming(columns, stored, -1)}"))
