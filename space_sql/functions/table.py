"""Rows that Python knows, as a query: one JSON literal, typed by DuckDB."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from space_sql.dataset.scan import NO_FILES
from space_sql.format.types import quote_identifier, quote_literal

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def table_sql(columns: Mapping[str, str], rows: Iterable[Mapping[str, Any]]) -> str:
    """A query of the rows in their order; ``columns`` maps names to DuckDB types."""
    structure = orjson.dumps([dict(columns)]).decode()
    data = orjson.dumps([{name: row.get(name) for name in columns} for row in rows]).decode()
    items = ", ".join(f"_space_row.{quote_identifier(name)}" for name in columns)
    return (
        f"SELECT {items} FROM (SELECT unnest("
        f"from_json({quote_literal(data)}, {quote_literal(structure)})) AS _space_row "
        f"UNION ALL SELECT NULL FROM {NO_FILES} WHERE false)"
    )


def timestamp(micros: int) -> str:
    """UTC microseconds since 1970 as text that DuckDB reads as TIMESTAMPTZ."""
    return (_EPOCH + timedelta(microseconds=micros)).isoformat()
