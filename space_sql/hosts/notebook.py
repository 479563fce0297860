"""``%load_ext space_sql``: JupySQL's ``%sql`` and ``%%sql`` on a connection where everything works."""

from __future__ import annotations

import contextlib
from typing import Any

import duckdb

from space_sql.errors import SpaceError
from space_sql.format.media import media_type
from space_sql.hosts.python import connect

PICTURES = 24
"""How many pictures a result shows; the others are told as their size."""
PICTURE_BYTES = 512 << 10
"""The largest picture that is shown."""


def load_ipython_extension(shell: Any) -> None:
    """Load JupySQL into IPython and connect it; the notebook's data frames are tables by their names.

    Raises:
        SpaceError: JupySQL is not installed.
    """
    try:
        import sql  # noqa: F401
    except ImportError as error:
        raise SpaceError("%load_ext space_sql needs JupySQL: pip install 'space-sql[notebook]'") from error
    shell.run_line_magic("load_ext", "sql")
    shell.run_line_magic("config", "SqlMagic.feedback = 0")
    if "_space_connection" not in shell.user_ns:
        con = connect()
        with contextlib.suppress(duckdb.Error):  # it needs ipywidgets
            con.execute("SET enable_progress_bar = true")
        shell.user_ns["_space_connection"] = con
    shell.run_line_magic("sql", "_space_connection --alias space")
    formatter = shell.display_formatter.formatters["text/html"]
    formatter.for_type_by_name("sql.run.resultset", "ResultSet", shown)


def shown(result: Any) -> str:
    """A result as an HTML table, with pictures in the place of their bytes."""
    import html

    rows: str = result._repr_html_()
    left = PICTURES
    for row in result._results[: result._config.displaylimit or None]:
        for value in row:
            if isinstance(value, bytes | bytearray):
                cell = f"<td>{_cell(bytes(value), left > 0)}</td>"
                for told in (str(value), html.escape(str(value))):  # JupySQL shows text as it is
                    rows = rows.replace(f"<td>{told}</td>", cell, 1)
                left -= 1
    return rows


def _cell(value: bytes, picture: bool) -> str:
    kind = media_type(value) or "binary"
    if not kind.startswith("image/") or not picture or len(value) > PICTURE_BYTES:
        return f"{kind.removeprefix('image/')}, {len(value):,} bytes"
    import base64

    data = base64.b64encode(value).decode()
    return f'<img src="data:{kind};base64,{data}" style="max-height:96px;max-width:160px" alt="{kind}">'
