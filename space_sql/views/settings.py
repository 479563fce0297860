"""Settings of a connection that change what a query gives."""

from __future__ import annotations

from functools import cache

from space_sql.dataset.engine import cursor
from space_sql.storage.shipped import shipped


@cache
def ordinary_settings() -> str:
    """What ``_space_settings()`` says of the private DuckDB, which has them as DuckDB comes."""
    with cursor() as con:
        con.execute((shipped("sql/macros") / "_space_settings.sql").read_text(encoding="utf-8"))
        ((text,),) = con.execute("SELECT _space_settings()").fetchall()
    return str(text)
