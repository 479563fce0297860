"""space_file: a file as the value of a record field."""

from __future__ import annotations


def token() -> str:
    """What proves that a file reference was made in this process."""
    from space_sql.dataset.recording import TOKEN  # with Arrow, which reading does not need

    return TOKEN
