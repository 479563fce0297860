"""Rows of a version, page by page, and the differences of two, as the page shows them."""

from __future__ import annotations

from typing import Any

from space_sql.errors import InvalidInputError
from space_sql.format.names import MAIN
from space_sql.format.schema import Schema
from space_sql.format.types import quote_identifier, quote_literal
from space_sql.hosts.read_only import checked
from space_sql.hosts.sandbox import Sandbox
from space_sql.serve.answer import cell, kind

MOST_ROWS = 500
_ADDRESS = "to_json({{file: {0}['file'], row: {0}['row'], bytes: {0}['bytes']}})"


def source(path: str, version: str | None, **given: str) -> str:
    """The call that reads a version."""
    more = "".join(f", {name} => {quote_literal(value)}" for name, value in given.items())
    return f"space_scan({quote_literal(path)}, version => {quote_literal(version or MAIN)}{more})"


def rows(
    box: Sandbox,
    name: str,
    version: str | None = None,
    where: str | None = None,
    order: str | None = None,
    descending: bool = False,
    offset: int = 0,
    limit: int = 100,
) -> dict[str, Any]:
    """A page of rows, in the order of a column or else of the key; a record shows its address."""
    if not 0 < limit <= MOST_ROWS or offset < 0:
        raise InvalidInputError(f"limit is 1 to {MOST_ROWS}, offset is not negative")
    schema = _schema(box, name, version)
    path = str(box.path(name))
    keys = [quote_identifier(c.name) for c in schema.keys]
    by = (
        [f"{quote_identifier(schema.column(order).name)} {'DESC' if descending else 'ASC'} NULLS LAST"] if order else []
    )
    items = []
    for i, column in enumerate(schema.columns):
        named = quote_identifier(column.name)
        if column.record is not None:
            item = f"CASE WHEN {named} IS NOT NULL THEN {_ADDRESS.format(named)} END::VARCHAR"
        else:
            item = cell(named, str(column.type))
        items.append(f"{item} AS c{i}")
    filtered = f" WHERE (\n{where}\n)" if where else ""
    with box.cursor() as con:
        read = source(path, version, records="address")
        narrowed = checked(con, f"SELECT * FROM {read}{filtered}")
        page = f"SELECT {', '.join(items)} FROM ({narrowed}) ORDER BY {', '.join([*by, *keys])}"
        found = con.execute(f"{page} LIMIT {limit + 1} OFFSET {offset}").fetchall()
        in_all = con.execute(f"SELECT count(*) FROM ({narrowed})").fetchone()
    return {"rows": found[:limit], "more": len(found) > limit, "count": in_all[0] if in_all else 0}


def difference(box: Sandbox, name: str, before: str, after: str, limit: int = 200) -> dict[str, Any]:
    """Rows that differ, with both values of each column and which of them changed; and how many there are."""
    if not 0 < limit <= MOST_ROWS:
        raise InvalidInputError(f"limit is 1 to {MOST_ROWS}")
    schemas = _schema(box, name, before), _schema(box, name, after)
    path = str(box.path(name))
    call = f"({quote_literal(path)}, {quote_literal(before)}, {quote_literal(after)})"
    keys = [c.name for c in schemas[1].keys]
    with box.cursor() as con:
        told = con.execute(f"DESCRIBE FROM space_diff{call}").fetchall()
        half = len(told) // 2
        columns = [
            (a[0].removeprefix("from_"), a[0], b[0], a[1])
            for a, b in zip(told[1 : half + 1], told[half + 1 :], strict=True)
        ]
        items = ["diff_type"]
        for _, old, new, type_ in columns:
            a, b = quote_identifier(old), quote_identifier(new)
            items += [cell(a, type_), cell(b, type_), f"diff_type = 'modified' AND {a} IS DISTINCT FROM {b}"]
        order = ", ".join(f"coalesce({quote_identifier(f'to_{k}')}, {quote_identifier(f'from_{k}')})" for k in keys)
        shown = f"SELECT * FROM space_diff{call} ORDER BY {order or 'diff_type'} LIMIT {limit + 1}"
        found = con.execute(f"SELECT {', '.join(items)} FROM ({shown})").fetchall()
        counts = dict(con.execute(f"SELECT diff_type, count(*) FROM space_diff{call} GROUP BY ALL").fetchall())
    rows = [
        {
            "type": row[0],
            "before": row[1::3],
            "after": row[2::3],
            "changed": [i for i, changed in enumerate(row[3::3]) if changed],
        }
        for row in found[:limit]
    ]
    return {
        "columns": [{"name": n, "type": t, "kind": kind(t), "primary_key": n in keys} for n, _, _, t in columns],
        "rows": rows,
        "more": len(found) > limit,
        "counts": {kind_: counts.get(kind_, 0) for kind_ in ("added", "modified", "removed")},
    }


def _schema(box: Sandbox, name: str, version: str | None) -> Schema:
    view = box.dataset(name).view()
    return view.state(view.resolve(version)).schema
