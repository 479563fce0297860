"""Parameters of a statement that becomes a call: as literals in its text."""

from __future__ import annotations

import datetime
import math
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from space_sql.errors import InvalidInputError
from space_sql.format.types import quote_literal
from space_sql.statements.text import Edit, Statement

Parameters = Sequence[Any] | Mapping[str, Any] | None


def bound(found: Statement, parameters: Parameters) -> list[Edit]:
    """What stands in the places of the parameters.

    Raises:
        InvalidInputError: there are more or fewer of them than values, or a value has no literal.
    """
    places = _places(found)
    if isinstance(parameters, Mapping):
        values = {str(name): value for name, value in parameters.items()}
    else:
        values = {str(number): value for number, value in enumerate(parameters or (), 1)}
    named = {name for _, _, name in places}
    for name in (*sorted(named - values.keys()), *sorted(values.keys() - named)):
        what = "has no value" if name in named else "is not in the statement"
        raise InvalidInputError(f"parameter {name} {what}")
    return [Edit(start, end, _literal(name, values[name])) for start, end, name in places]


def _places(found: Statement) -> list[tuple[int, int, str]]:
    places: list[tuple[int, int, str]] = []
    for token, after in zip(found.tokens, [*found.tokens[1:], None], strict=True):
        if token.kind == "PLACEHOLDER":
            places.append((token.start, token.end, str(len(places) + 1)))
        elif token.kind == "PARAMETER" and token.text == "$" and after is not None and after.start == token.end:
            places.append((token.start, after.end, after.text))
    return places


def _literal(name: str, value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"({value})"
    if isinstance(value, float):
        return f"({value!r}::DOUBLE)" if math.isfinite(value) else f"'{value}'::DOUBLE"
    if isinstance(value, str):
        return quote_literal(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"from_hex('{bytes(value).hex()}')"
    for kind, sql in _CASTS:
        if isinstance(value, kind):
            return f"'{value}'::{sql}{'TZ' if getattr(value, 'tzinfo', None) is not None else ''}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_literal(name, item) for item in value)}]"
    raise InvalidInputError(
        f"parameter {name} is of the type {type(value).__name__}, which a statement that writes to a dataset cannot "
        "take: put it in a data frame or table and name that"
    )


_CASTS: tuple[tuple[type, str], ...] = (
    (datetime.datetime, "TIMESTAMP"),
    (datetime.date, "DATE"),
    (datetime.time, "TIME"),
    (uuid.UUID, "UUID"),
)
