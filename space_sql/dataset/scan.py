"""The SQL that reads a snapshot: plain ``read_parquet``, so DuckDB's own scanner does the work.

Files that were written with the columns as they are now are read as they are: DuckDB then knows how
many rows there are and plans joins well. The others are read by column id, which gives renamed,
added and widened columns. Deleted positions are taken out with NOT IN on
``(file_index << 40) | file_row_number``, which never builds its hash table on the data's side.

Source: docs/format.md, section "Reading a snapshot".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from space_sql.dataset.checked_cast import checked_cast
from space_sql.format.carriers import logical_projection, physical, physical_projection
from space_sql.format.data_file import DataFile, DeleteFile
from space_sql.format.forgotten import Forgotten
from space_sql.format.schema import Column, type_mark
from space_sql.format.types import VARCHAR, Array, List, Map, Scalar, Struct, Type, quote_identifier, quote_literal
from space_sql.storage.files import check_inside

NO_FILES = "read_blob([]::VARCHAR[])"
"""A table without rows. A prepared statement that reads files is planned anew each time it runs; DuckDB 1.5 runs others
as they were planned, with what there was then, so queries that read no files read this."""

FILE = "_space_file"
POS = "_space_pos"

Constants = Mapping[str, tuple[str, Sequence[object]]]


def rows_sql(
    root: Path,
    files: Sequence[DataFile],
    columns: Sequence[Column],
    *,
    names: Sequence[str] | None = None,
    logical: bool = True,
    constants: Constants | None = None,
    positions: bool = False,
    ignore_deletes: bool = False,
    addresses: Collection[str] | None = None,
) -> str:
    """A query over the live rows of data files.

    ``names`` are other names for the columns; ``constants`` maps a name to its SQL type and one
    value for each file; ``positions`` adds ``_space_file`` and ``_space_pos``; constants and positions
    come before the columns. Types are the logical ones, or those of the files. A record field shows its
    records, or their addresses where its name is among ``addresses``. Forgotten rows are never read.
    """
    extra = dict(constants or {})
    if positions:
        extra = {FILE: ("BIGINT", [f.number for f in files]), **extra}
    shown = [c.name for c in columns] if names is None else names
    inside = _inside(columns)
    parts = []
    for reading, chosen in _groups(files, columns, inside, ignore_deletes).items():
        part = [files[i] for i in chosen]
        items = [per_file(name, [values[i] for i in chosen], type_) for name, (type_, values) in extra.items()]
        if positions:
            items.insert(1, f"file_row_number AS {POS}")
        for column, name in zip(columns, shown, strict=True):
            as_value = logical and not (column.record is not None and name in (addresses or ()))
            if column.id in reading.absent:
                items.append(_no_value(column, name, logical=as_value))
            else:
                earlier = reading.types.get(column.id)
                items.append(_item(root, column, inside[column.id], name, earlier, logical=as_value))
        where = f" WHERE {_not_deleted(root, part, ignore_deletes)}" if reading.deletes else ""
        parts.append(f"SELECT {', '.join(items) or 'NULL'} FROM {reading.source(root, part, columns, inside)}{where}")
    if parts:
        return "\nUNION ALL\n".join(parts)
    nulls = [f"CAST(NULL AS {type_}) AS {name}" for name, (type_, _) in extra.items()]
    if positions:
        nulls.insert(1, f"CAST(NULL AS BIGINT) AS {POS}")
    for column, name in zip(columns, shown, strict=True):
        nulls.append(_no_value(column, name, logical=logical and name not in (addresses or ())))
    return f"SELECT {', '.join(nulls)} FROM {NO_FILES} WHERE false"


class _Reading:
    """How a group of files is read: as they are or by id, with deletes or without.

    ``types`` are the earlier types of columns that must be converted after reading; ``absent`` are nested columns
    that the files do not have: DuckDB 2.0 fails where a query reads a field of such a column.
    """

    def __init__(
        self, plain: bool, deletes: bool, types: tuple[tuple[int, Type], ...], absent: frozenset[int] = frozenset()
    ) -> None:
        self.plain = plain
        self.deletes = deletes
        self.types = dict(types)
        self.absent = absent
        self._key = (plain, deletes, types, absent)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reading) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def source(
        self, root: Path, files: Sequence[DataFile], columns: Sequence[Column], inside: Mapping[int, str]
    ) -> str:
        """The ``read_parquet`` call."""
        paths = [f.path for f in files]
        if self.plain:
            return f"read_parquet({file_list(root, paths)}, hive_partitioning = false)"
        read = [c for c in columns if c.id not in self.absent] or columns[:1]
        wanted = {c.id: (c.id, inside[c.id], str(self._stored_type(c))) for c in read}
        return reader(root, paths, list(wanted.values()))

    def _stored_type(self, column: Column) -> Type:
        earlier = self.types.get(column.id)
        return column.stored_type if earlier is None else physical(earlier)


def _inside(columns: Sequence[Column]) -> dict[int, str]:
    """The names that columns have inside ``read_parquet``: those in the files, unless two are the same."""
    names = {c.id: c.stored_name for c in columns}
    if len({name.casefold() for name in names.values()}) == len(names):
        return names
    return {c.id: f"_space_c{c.id}" for c in columns}


def _groups(
    files: Sequence[DataFile], columns: Sequence[Column], inside: Mapping[int, str], ignore_deletes: bool
) -> dict[_Reading, list[int]]:
    """Indexes of the files with live rows, by how they are read."""
    marks = [(c.id, c.mark) for c in columns]
    own_names = all(inside[c.id] == c.stored_name for c in columns)
    nested = [c.id for c in columns if not isinstance(c.stored_type, Scalar)]
    earlier = [(c, {type_mark(t): t for t in c.earlier}) for c in columns if c.earlier]
    groups: dict[_Reading, list[int]] = {}
    for index, file in enumerate(files):
        deletes = bool(file.forgotten) or (bool(file.deletes) and not ignore_deletes)
        if deletes and not (file.remembered if ignore_deletes else file.live):
            continue
        plain = own_names and all(file.columns.get(i) == mark for i, mark in marks)
        types: tuple[tuple[int, Type], ...] = ()
        if not plain and earlier:
            types = tuple(
                (c.id, known[mark[1]])
                for c, known in earlier
                if (mark := file.columns.get(c.id)) and mark[1] in known and _becomes_map(known[mark[1]], c.type)
            )
        absent = frozenset(() if plain else (i for i in nested if i not in file.columns))
        groups.setdefault(_Reading(plain, deletes, types, absent), []).append(index)
    return groups


def _becomes_map(old: Type, new: Type) -> bool:
    """Whether a STRUCT in the old type is a MAP in the new one."""
    match old, new:
        case Struct(), Map():
            return True
        case Struct(), Struct():
            return any(
                _becomes_map(type_, new.by_name[name.casefold()][1])
                for name, type_ in old.fields
                if name.casefold() in new.by_name
            )
        case ((List() | Array()), (List() | Array())):
            return _becomes_map(old.element, new.element)
        case Map(), Map():
            return _becomes_map(old.key, new.key) or _becomes_map(old.value, new.value)
        case _:
            return False


def _no_value(column: Column, name: str, *, logical: bool) -> str:
    """The select item of a column that is not there."""
    return f"CAST(NULL AS {column.type if logical else column.stored_type}) AS {quote_identifier(name)}"


def _item(root: Path, column: Column, inside: str, name: str, earlier: Type | None, *, logical: bool) -> str:
    """The select item that gives a column its name and type."""
    source = quote_identifier(inside)
    shown = quote_identifier(name)
    if earlier is not None:
        value = checked_cast(logical_projection(earlier, source), earlier, column.type, column.name)
        expression = value if logical else physical_projection(column.type, value)
    else:
        expression = value_sql(root, column, source) if logical else source
    return expression if expression == shown else f"{expression} AS {shown}"


def value_sql(root: Path, column: Column, stored: str) -> str:
    """SQL that turns what a data file holds of a column into its value; records are read when it is computed."""
    if column.record is None:
        return logical_projection(column.type, stored)
    # DuckDB computes this for the rows and columns that are left after filters, top-N, LIMIT and, mostly, joins.
    parts = ", ".join(f"struct_extract({stored}, '{name}')" for name in ("file", "row", "bytes"))
    record = f"_space_record({quote_literal(str(root))}, {parts})"
    return f"decode({record})" if column.type == VARCHAR else record


def same_sql(column: Column, left: str, right: str, name: str | None = None) -> str:
    """Whether the stored values that two tables have in a column are equal."""
    shown = quote_identifier(name or column.name)
    return same_values(column, f"{left}.{shown}", f"{right}.{shown}")


def same_values(column: Column, left: str, right: str) -> str:
    """Whether two stored values of a column are equal; records are, when their lengths and hashes are."""
    pairs = zip(identity_sql(column, left), identity_sql(column, right), strict=True)
    return " AND ".join(f"{a} IS NOT DISTINCT FROM {b}" for a, b in pairs)


def identity_sql(column: Column, stored: str) -> tuple[str, ...]:
    """What two stored values of a column have in common when they are equal: of records, length and hash."""
    if column.record is None:
        return (stored,)
    return (f"struct_extract({stored}, 'bytes')", f"struct_extract({stored}, 'hash')")


def file_list(root: Path, paths: Sequence[str]) -> str:
    """A SQL list of absolute file names."""
    return "[" + ", ".join(_literal_path(root, path) for path in paths) + "]"


@lru_cache(maxsize=1 << 15)
def _literal_path(root: Path, path: str) -> str:
    check_inside(root, path)
    return quote_literal(str(root / path))


def reader(root: Path, paths: Sequence[str], columns: Sequence[tuple[int, str, str]]) -> str:
    """A ``read_parquet`` call that finds columns by id: ``(id, name, physical type)``."""
    fields = ", ".join(
        f"{number}: {{name: {quote_literal(name)}, type: {quote_literal(type_)}, default_value: NULL}}"
        for number, name, type_ in columns
    )
    return f"read_parquet({file_list(root, paths)}, schema = MAP {{{fields}}}, hive_partitioning = false)"


def per_file(name: str, values: Sequence[object], sql_type: str) -> str:
    """A select item with one constant for each file, in the order of the file list."""
    if len(set(values)) == 1:
        return f"{_literal(values[0])}::{sql_type} AS {name}"
    return f"([{', '.join(_literal(v) for v in values)}])[file_index::BIGINT + 1]::{sql_type} AS {name}"


def _literal(value: object) -> str:
    return str(value) if isinstance(value, int) else quote_literal(str(value))


def _not_deleted(root: Path, dirty: Sequence[DataFile], ignore_deletes: bool) -> str:
    """The condition that a row of files with deleted positions is not one of them."""
    numbers = [f.number for f in dirty]
    gone: list[DeleteFile | Forgotten] = [g for file in dirty for g in file.forgotten]
    deleted = positions_sql(root, gone if ignore_deletes else [*gone, *(d for f in dirty for d in f.deletes)], numbers)
    if len(numbers) == 1:
        return f"file_row_number NOT IN (SELECT pos FROM ({deleted}))"
    at = f"((list_position({numbers}, file) - 1)::BIGINT << 40) | pos"
    return f"((file_index::BIGINT << 40) | file_row_number) NOT IN (SELECT {at} FROM ({deleted}))"


def positions_sql(root: Path, deletes: Sequence[DeleteFile | Forgotten], numbers: Sequence[int]) -> str:
    """A query over deleted positions (``file``, ``pos``) of the data files with these numbers."""
    paths = list(dict.fromkeys(d.path for d in deletes))
    if not paths:
        return "SELECT 0::BIGINT AS file, 0::BIGINT AS pos WHERE false"
    source = f"read_parquet({file_list(root, paths)}, hive_partitioning = false)"
    return f"SELECT file, pos FROM {source} WHERE file IN ({', '.join(map(str, numbers))})"
