"""What of a session changes what a view's query gives: some settings, and its time zone."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from space_sql.dataset.engine import cursor
from space_sql.dataset.zones import is_zoned, makes_zoned
from space_sql.errors import InvalidInputError
from space_sql.storage.shipped import shipped
from space_sql.views.definition import Definition
from space_sql.views.plan import used_names
from space_sql.views.sources import Pinned

_MATCHES = -2
"""The part of ``_space_settings()`` that tells the line of DuckDB, not a setting: whether ``~`` finds a part."""


@cache
def ordinary_settings() -> str:
    """What ``_space_settings()`` says of the private DuckDB, which has them as DuckDB comes."""
    with cursor() as con:
        con.execute((shipped("sql/macros") / "_space_settings.sql").read_text(encoding="utf-8"))
        ((text,),) = con.execute("SELECT _space_settings()").fetchall()
    return str(text)


def kept_settings(settings: str | None) -> str | None:
    """What a view notes of ``_space_settings()``: None where all are as DuckDB comes."""
    told, ordinary = ((text or "").split("|") for text in (settings, ordinary_settings()))
    if settings is None:
        return None
    for parts in (told, ordinary):
        del parts[_MATCHES]
    return None if told == ordinary else "|".join(told)


def check_matches(definition: Definition, settings: str | None) -> None:
    """Raise InvalidInputError for a ``~`` that the caller's DuckDB understands otherwise than the private one."""
    if settings is None or "~" not in definition.sql:
        return
    if settings.split("|")[_MATCHES] != ordinary_settings().split("|")[_MATCHES]:
        raise InvalidInputError(
            "~ in a view: this DuckDB and the one that Space SQL runs are of different lines, and understand it "
            "differently; write regexp_matches(text, pattern) or regexp_full_match(text, pattern)"
        )


def zoned(definition: Definition, sources: Iterable[Pinned]) -> bool:
    """Whether the rows may depend on the session's time zone: some value is a time with one."""
    if any(not table.columns for table in definition.static) or makes_zoned(definition.query):
        return True
    used = used_names(definition.query)
    types = [type_ for source in sources for _, type_ in source.narrowed(used).columns]
    types += [type_ for table in definition.static for _, type_ in table.columns]
    types += [type_ for one in definition.functions for type_ in (*one.parameters, one.returns)]
    return any(is_zoned(type_) for type_ in types)
