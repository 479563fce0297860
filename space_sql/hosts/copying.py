"""INSERT with DuckDB's own COPY, in the caller's connection and transaction.

Rows are copied first, then committed by a call, whose row or error is what the statement returns.

Source: docs/adr/019-insert-by-copy.md.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

import duckdb

from space_sql.dataset.copied import copied_insert
from space_sql.dataset.insert import Insert
from space_sql.dataset.source import source_query
from space_sql.dataset.transact import Options
from space_sql.errors import SpaceError
from space_sql.functions.calls import SESSIONS
from space_sql.statements.target import Call
from space_sql.statements.text import Ask
from space_sql.storage import files

COPIED = "space_insert"
"""The function whose rows can be copied."""

_STATE = (
    "SELECT current_transaction_id(), current_setting('enable_external_access'), "
    "current_setting('disabled_filesystems')"
)


def copied(call: Call, ask: Ask) -> str | None:
    """The statement that commits the rows of an insert, which are copied now; None where it has to stage them.

    Types and rows are read in one transaction, the caller's or one of its own.
    """
    ((first, access, disabled),) = ask(_STATE)
    if not access or disabled:
        return None
    alone = ask(_STATE)[0][0] != first
    if alone:
        ask("BEGIN")
    try:
        write = _written(call, ask)
    except BaseException:
        if alone:
            ask("ROLLBACK")
        raise
    if alone:
        ask("COMMIT")
    return None if write is None else f"CALL _space_copied({SESSIONS.start(write.session, write)})"


def _written(call: Call, ask: Ask) -> Insert | None:
    """The insert whose rows are in files; None where they have to be staged."""
    try:
        query = source_query(call.arguments[0])
        session = SESSIONS.get(str(ask("SELECT _space_session()")[0][0]))
        session.view(call.path)
        ((kind,),) = ask(
            "SELECT typeof(any_value(_space_type_value)) FROM "
            f"(SELECT _space_type_row AS _space_type_value FROM {query} AS _space_type_row LIMIT 0)"
        )
        found = copied_insert(session, Options(branch=call.branch), call.path, query, str(kind))
    except SpaceError:  # the call raises it too
        return None
    if found is None:
        return None
    write, sql = found
    try:
        ask(sql)
    except BaseException as error:
        write.abort()
        if isinstance(error, duckdb.IOException) and os.strerror(errno.ENOSPC) in str(error):
            full = files.explain(OSError(errno.ENOSPC, ""), Path(write.view.dataset.root))
            raise duckdb.InvalidInputException(f"Invalid Input Error: {full.line}") from None
        raise
    return write
