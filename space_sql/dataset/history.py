"""The story of a row: each version of it on a branch, with who wrote it and why."""

from __future__ import annotations

import json
from typing import Any

from space_sql.dataset.changes import feed_sql
from space_sql.dataset.dataset import View
from space_sql.dataset.engine import query
from space_sql.dataset.scan import rows_sql
from space_sql.dataset.shared_columns import wide_enough
from space_sql.errors import InvalidInputError, near
from space_sql.format.schema import Column, Schema
from space_sql.format.state import State
from space_sql.format.types import Scalar, quote_identifier, quote_literal

HEAD = ("snapshot_id", "snapshot_time", "author", "message")


def history_sql(view: View, head: int, key: str | None, commits: str) -> str:
    """A query of the columns ``HEAD``, ``change_type`` and those of the head, newest first.

    ``key`` is JSON; ``commits`` is a query of the columns ``HEAD``. The feed is followed by first parents, back
    to the beginning or to the first snapshot that was expired; the version that stood then has no ``change_type``.
    """
    schema = view.state(head).schema
    where = key_condition(schema, key)
    chain, at = [], view.commit(head)
    while at.parent_id is not None and not view.refs.has_expired(at.parent_id):
        chain.append(at)
        at = view.commit(at.parent_id)
    names = ", ".join(quote_identifier(c.name) for c in schema.columns)
    parts = []
    if at.parent_id is None:
        before = State(-1, view.state(at.snapshot_id).schema, {})
        chain.append(at)
    else:
        before = view.state(at.snapshot_id)
        stood = rows_sql(view.dataset.root, list(before.files.values()), _shown(schema, before.schema))
        missing = "".join(
            f", CAST(NULL AS {c.type}) AS {quote_identifier(c.name)}"
            for c in schema.columns
            if c.id not in before.schema.by_id
        )
        head_of = f"SELECT {at.snapshot_id}::BIGINT AS _space_s, NULL::VARCHAR AS _space_t"
        parts.append(f"{head_of}, {names} FROM (SELECT *{missing} FROM ({stood})) WHERE {where}")
    chain.reverse()
    feed = feed_sql(view.dataset.root, schema, before, chain)
    parts.append(
        f"FROM ({feed}) AS _space_feed(_space_s, _space_t, {names}) WHERE _space_t <> 'update_preimage' AND ({where})"
    )
    standing = "_space_t = 'delete' AND count(*) FILTER (_space_t <> 'delete') OVER (PARTITION BY _space_s) > 0"
    columns = ", ".join(f"r.{quote_identifier(c.name)}" for c in schema.columns)
    return (
        f"SELECT {', '.join(f'c.{name}' for name in HEAD)}, r._space_t AS change_type, {columns} FROM "
        f"(FROM ({' UNION ALL '.join(f'({part})' for part in parts)}) QUALIFY NOT coalesce({standing}, false)) AS r "
        f"JOIN ({commits}) AS c ON c.snapshot_id = r._space_s ORDER BY c.snapshot_id DESC"
    )


def _shown(schema: Schema, before: Schema) -> list[Column]:
    return [wide_enough(c, [before]) for c in schema.columns if c.id in before.by_id]


def key_condition(schema: Schema, key: str | None) -> str:
    """The condition that a row has a key, given as JSON: a value, or an object or list for several columns."""
    given: Any = json.loads(key, object_pairs_hook=_fields) if key is not None else None
    names = [k.name for k in schema.keys]
    if isinstance(given, dict):
        folded = {name.casefold(): value for name, value in given.items()}
        for name in given:
            if name.casefold() not in {n.casefold() for n in names}:
                raise InvalidInputError(
                    f'"{name}" is not a column of the primary key.{near(name, names)} It has: {", ".join(names)}'
                )
        values = [folded.get(name.casefold()) for name in names]
    else:
        single = len(names) == 1 and not isinstance(schema.keys[0].type, Scalar)
        values = given if isinstance(given, list) and not single else [given]
    if len(values) != len(names) or any(v is None for v in values):
        how = f"{{{', '.join(f'{quote_literal(n)}: …' for n in names)}}}" if len(names) > 1 else "its value"
        raise InvalidInputError(f"a key is required: {how} ({', '.join(names)} is the primary key)")
    texts = [quote_literal(v if isinstance(v, str) else json.dumps(v)) for v in values]
    casts = [f"CAST({text} AS {column.type})" for text, column in zip(texts, schema.keys, strict=True)]
    query(f"SELECT {', '.join(casts)}")  # says what does not fit
    return " AND ".join(f"{quote_identifier(k.name)} = {cast}" for k, cast in zip(schema.keys, casts, strict=True))


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any] | list[Any]:
    """A STRUCT as JSON; a row of values has no names."""
    return dict(pairs) if any(name for name, _ in pairs) else [value for _, value in pairs]
