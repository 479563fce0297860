"""The SQL that reads a snapshot: plain ``read_parquet``, so DuckDB's own scanner does the work.

Deleted positions are taken out by an anti-join on ``(file_index << 40) | file_row_number``, and
only for the files that have any; the others are read as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from space_sql.format.carriers import logical_projection, physical
from space_sql.format.commit import DataFile, DeleteFile
from space_sql.format.schema import Column
from space_sql.format.types import quote_identifier, quote_literal

FILE = "_space_file"
POS = "_space_pos"
_VIRTUAL = {"filename", "file_index", "file_row_number", "rowid", "file_size", "file_last_modified"}


def file_list(root: Path, paths: Sequence[str]) -> str:
    """A SQL list of absolute file names."""
    return "[" + ", ".join(quote_literal(str(root / path)) for path in paths) + "]"


def _alias(column: Column) -> str:
    """The name a column has inside ``read_parquet``: its own unless a virtual column has that."""
    name = f"_space_c{column.id}" if column.name.casefold() in _VIRTUAL else column.name
    return quote_identifier(name)


def reader(root: Path, paths: Sequence[str], columns: Sequence[tuple[int, str, str]]) -> str:
    """A ``read_parquet`` call that finds columns by id: ``(id, name, physical type)``."""
    fields = ", ".join(
        f"{number}: {{name: {quote_literal(name)}, type: {quote_literal(type_)}, default_value: NULL}}"
        for number, name, type_ in columns
    )
    return f"read_parquet({file_list(root, paths)}, schema = MAP {{{fields}}}, hive_partitioning = false)"


def _reader(root: Path, files: Sequence[DataFile], columns: Sequence[Column]) -> str:
    wanted = [(c.id, _alias(c)[1:-1].replace('""', '"'), str(physical(c.type))) for c in columns]
    return reader(root, [f.path for f in files], wanted)


def project(columns: Sequence[Column], *, logical: bool) -> list[str]:
    """Select items that give columns their names, and their logical types if asked."""
    items = []
    for column in columns:
        source = _alias(column)
        expression = logical_projection(column.type, source) if logical else source
        name = quote_identifier(column.name)
        items.append(expression if expression == name else f"{expression} AS {name}")
    return items


def per_file(name: str, values: Sequence[object], sql_type: str) -> str:
    """A select item with one constant a file, in the order of the file list."""
    if len(set(values)) == 1:
        return f"{_literal(values[0])}::{sql_type} AS {name}"
    return f"([{', '.join(_literal(v) for v in values)}])[file_index::BIGINT + 1]::{sql_type} AS {name}"


def _literal(value: object) -> str:
    return str(value) if isinstance(value, int) else quote_literal(str(value))


Constants = Mapping[str, tuple[str, Sequence[object]]]


def rows_sql(
    root: Path,
    files: Sequence[DataFile],
    columns: Sequence[Column],
    *,
    logical: bool = True,
    constants: Constants | None = None,
    positions: bool = False,
    ignore_deletes: bool = False,
) -> str:
    """A query over the live rows of data files.

    ``constants`` maps a name to its SQL type and one value for each file; ``positions`` adds
    ``_space_file`` and ``_space_pos``; all of these come before the columns.
    """
    extra = dict(constants or {})
    if positions:
        extra = {FILE: ("BIGINT", [f.number for f in files]), **extra}
    clean = [i for i, f in enumerate(files) if ignore_deletes or not f.deletes]
    dirty = [i for i, f in enumerate(files) if not ignore_deletes and f.deletes and f.live]
    parts = []
    for chosen in (clean, dirty):
        if not chosen:
            continue
        part = [files[i] for i in chosen]
        items = [per_file(name, [values[i] for i in chosen], type_) for name, (type_, values) in extra.items()]
        if positions:
            items.insert(1, f"file_row_number AS {POS}")
        items += project(columns, logical=logical)
        source = _reader(root, part, columns)
        if chosen is dirty:
            source = f"{source} AS _space_data ANTI JOIN ({_deleted(root, part)}) AS _space_gone ON {_AT} = _space_at"
        parts.append(f"SELECT {', '.join(items)} FROM {source}")
    if parts:
        return "\nUNION ALL\n".join(parts)
    nulls = [f"CAST(NULL AS {type_}) AS {name}" for name, (type_, _) in extra.items()]
    if positions:
        nulls.insert(1, f"CAST(NULL AS BIGINT) AS {POS}")
    for column in columns:
        type_text = column.type if logical else physical(column.type)
        nulls.append(f"CAST(NULL AS {type_text}) AS {quote_identifier(column.name)}")
    return f"SELECT {', '.join(nulls)} WHERE false"


_AT = "((_space_data.file_index::BIGINT << 40) | _space_data.file_row_number)"


def _deleted(root: Path, dirty: Sequence[DataFile]) -> str:
    numbers = [f.number for f in dirty]
    deleted = positions_sql(root, [d for file in dirty for d in file.deletes], numbers)
    return f"SELECT ((list_position({numbers}, file) - 1)::BIGINT << 40) | pos AS _space_at FROM ({deleted})"


def positions_sql(root: Path, deletes: Sequence[DeleteFile], numbers: Sequence[int]) -> str:
    """A query over deleted positions (``file``, ``pos``) of the data files with these numbers."""
    paths = list(dict.fromkeys(d.path for d in deletes))
    if not paths:
        return "SELECT 0::BIGINT AS file, 0::BIGINT AS pos WHERE false"
    source = f"read_parquet({file_list(root, paths)}, hive_partitioning = false)"
    return f"SELECT file, pos FROM {source} WHERE file IN ({', '.join(map(str, numbers))})"
