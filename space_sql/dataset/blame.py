"""Who wrote each row last: told by the file that a row was first written to, which rewriting does not change."""

from __future__ import annotations

from space_sql.dataset.dataset import View
from space_sql.dataset.rewrite import ORIGINS
from space_sql.dataset.scan import rows_sql
from space_sql.format.data_file import FILES_PER_COMMIT, DataFile
from space_sql.format.types import quote_identifier

_BY = "_space_by"


def blame_sql(view: View, snapshot_id: int, commits: str, head: tuple[str, ...]) -> str:
    """A query of the columns ``head`` of ``commits``, which begin with the snapshot id, and the key's columns."""
    state = view.state(snapshot_id)
    keys, root = state.schema.keys, view.dataset.root
    files = list(state.files.values())
    moved, plain = [f for f in files if f.origin], [f for f in files if not f.origin]
    parts = []
    if plain or not moved:
        parts.append(rows_sql(root, plain, keys, constants={_BY: ("BIGINT", [written_by(f) for f in plain])}))
    if moved:
        names = ", ".join(quote_identifier(k.name) for k in keys)
        first = f"{quote_identifier(ORIGINS[0].name)} // {FILES_PER_COMMIT}"
        parts.append(f"SELECT {first} AS {_BY}, {names} FROM ({rows_sql(root, moved, [ORIGINS[0], *keys])})")
    shown = [f"c.{name}" for name in head] + [f"r.{quote_identifier(k.name)}" for k in keys]
    rows = "\nUNION ALL\n".join(parts)
    return f"SELECT {', '.join(shown)} FROM (\n{rows}\n) AS r JOIN ({commits}) AS c ON c.snapshot_id = r.{_BY}"


def written_by(file: DataFile) -> int:
    """The snapshot that wrote a file; numbers below zero are those of a transaction's own."""
    return file.number // FILES_PER_COMMIT if file.number >= 0 else -file.number // FILES_PER_COMMIT
