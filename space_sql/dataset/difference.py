"""Rows that one state has and another has not, told apart by position: nothing that both share is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from space_sql.dataset.scan import FILE, POS, identity_sql, positions_sql, rows_sql, same_sql
from space_sql.format.data_file import DataFile
from space_sql.format.schema import Column
from space_sql.format.state import State
from space_sql.format.types import BIGINT, quote_identifier

_LARGE = 100_000
_LARGE_FILES = 16


def rows_only_in(
    root: Path,
    here: Mapping[int, DataFile],
    there: Mapping[int, DataFile],
    columns: Sequence[Column],
    *,
    names: Sequence[str] | None = None,
    logical: bool,
    apart: frozenset[int] = frozenset(),
    positions: bool = False,
    by_origin: bool = False,
) -> list[str]:
    """Queries whose rows together are live in ``here`` and not in ``there``.

    ``names`` rename the columns; ``positions`` come before them. Files that hold one of the columns ``apart``
    are not the same on both sides: only one of them shows that column. With ``by_origin``, rows that were
    only moved to other files are shared too.
    """
    there = {n: f for n, f in there.items() if not apart & f.columns.keys()}
    alone = [f for n, f in here.items() if n not in there and f.live]
    moved, parts = [], []
    if by_origin:
        moved = [f for f in alone if not apart & f.columns.keys()]
        others = [f for n, f in there.items() if n not in here and f.live]
        if not any(f.origin for f in (*moved, *others)):
            moved = []
    if moved:
        alone = [f for f in alone if f not in moved]
        stay = f"SELECT file, pos FROM ({_origins(root, moved)}) ANTI JOIN ({_origins(root, others)}) "
        stay += "USING (o_file, o_pos)"
    placed = (f"file AS {FILE}", f"pos AS {POS}") if positions else ()
    if alone:
        parts.append(rows_sql(root, alone, columns, names=names, logical=logical, positions=positions))
    if moved:
        parts.append(rows_at(root, moved, columns, stay, names=names, logical=logical, extra=placed))
    for number, file in here.items():
        other = there.get(number)
        if other is None or other.deletes == file.deletes:
            continue
        theirs = [d for d in other.deletes if d not in file.deletes]
        ours = [d for d in file.deletes if d not in other.deletes]
        if theirs:
            gone = positions_sql(root, theirs, [number])
            if ours:
                gone = f"({gone}) EXCEPT ({positions_sql(root, ours, [number])})"
            parts.append(rows_at(root, [file], columns, gone, names=names, logical=logical, extra=placed))
    return parts


def _origins(root: Path, files: Sequence[DataFile]) -> str:
    """A query of the positions of live rows, and of those at which they were first written."""
    from space_sql.storage.parquet import ORIGIN_COLUMNS, ORIGIN_IDS  # with Arrow, which reading does not need

    rewritten, plain = [f for f in files if f.origin], [f for f in files if not f.origin]
    first = ", ".join(ORIGIN_COLUMNS)
    columns = [Column(i, name, BIGINT) for i, name in zip(ORIGIN_IDS, ORIGIN_COLUMNS, strict=True)]
    parts = [(rewritten, columns, first)] if rewritten else []
    if plain or not rewritten:
        parts.append((plain, [], f"{FILE}, {POS}"))
    return " UNION ALL ".join(
        f"SELECT file, pos, o_file, o_pos FROM (SELECT {FILE}, {POS}, {origin} "
        f"FROM ({rows_sql(root, chosen, read, logical=False, positions=True)})) AS t(file, pos, o_file, o_pos)"
        for chosen, read, origin in parts
    )


def net_difference(root: Path, here: State, there: State, columns: Sequence[Column]) -> str:
    """A query over the rows of ``here`` beyond those of ``there``, as bags of stored values.

    A column is NULL in the rows of a state that lacks it.
    """
    apart = frozenset(c.id for c in columns if (c.id in here.schema.by_id) != (c.id in there.schema.by_id))
    sides = []
    for some, others in ((here, there), (there, here)):
        shown = [c for c in columns if c.id in some.schema.by_id]
        parts = rows_only_in(root, some.files, others.files, shown, logical=False, apart=apart)
        rows = "\nUNION ALL\n".join(parts or [rows_sql(root, [], shown, logical=False)])
        items = [
            quote_identifier(c.name) if c in shown else f"CAST(NULL AS {c.stored_type}) AS {quote_identifier(c.name)}"
            for c in columns
        ]
        sides.append(f"(SELECT {', '.join(items)} FROM ({rows}))")
    return bag_minus(sides[0], sides[1], columns, [c.name for c in columns])


def bag_minus(left: str, right: str, columns: Sequence[Column], names: Sequence[str]) -> str:
    """A query over the rows of one query beyond those of another, as bags of stored values.

    Records are the same when their lengths and hashes are, wherever they lie: then rows are numbered within
    what is equal, which is what EXCEPT ALL does too.
    """
    if not any(c.record is not None for c in columns):
        return f"{left} EXCEPT ALL {right}"
    shown = [quote_identifier(name) for name in names]
    keys = [part for c, name in zip(columns, shown, strict=True) for part in identity_sql(c, name)]
    numbered = f"SELECT *, row_number() OVER (PARTITION BY {', '.join(keys)}) AS _space_nth"
    same = [same_sql(c, "_space_l", "_space_r", name) for c, name in zip(columns, names, strict=True)]
    return (
        f"SELECT {', '.join(shown)} FROM ({numbered} FROM ({left})) AS _space_l "
        f"ANTI JOIN ({numbered} FROM ({right})) AS _space_r "
        f"ON {' AND '.join([*same, '_space_l._space_nth = _space_r._space_nth'])}"
    )


def paired_difference(root: Path, before: State, after: State, columns: Sequence[Column], keys: Sequence[int]) -> str:
    """A query over what changed from one state to another: ``change``, a change type, then stored values.

    Rows of one key (``keys`` are column ids) that are on both sides are an update.
    """
    names = [quote_identifier(c.name) for c in columns if c.id in keys]
    sides = []
    for here, there in ((before, after), (after, before)):
        rows = net_difference(root, here, there, columns)
        sides.append(f"SELECT *, row_number() OVER (PARTITION BY {', '.join(names)}) AS _space_n FROM ({rows})")
    same = " AND ".join(f"a.{n} IS NOT DISTINCT FROM b.{n}" for n in [*names, "_space_n"])
    parts = [
        f"SELECT if(b._space_n IS NULL, '{alone}', '{both}') AS change, a.* EXCLUDE (_space_n) "
        f"FROM {here} AS a LEFT JOIN {there} AS b ON {same}"
        for here, there, alone, both in (
            ("_space_old", "_space_new", "delete", "update_preimage"),
            ("_space_new", "_space_old", "insert", "update_postimage"),
        )
    ]
    tables = f"_space_old AS MATERIALIZED ({sides[0]}), _space_new AS MATERIALIZED ({sides[1]})"
    return f"WITH {tables} {' UNION ALL '.join(parts)}"


def rows_at(
    root: Path,
    files: Sequence[DataFile],
    columns: Sequence[Column],
    positions: str,
    *,
    names: Sequence[str] | None = None,
    logical: bool,
    extra: Sequence[str] = (),
) -> str:
    """A query over the rows at positions, whether deleted or not.

    ``positions`` is a query of ``file``, ``pos`` and the columns ``extra``, which come first.
    """
    items = [f"_space_at.{name}" for name in extra]
    items += [f"_space_rows.{quote_identifier(n)}" for n in names or [c.name for c in columns]]
    large = [f for f in files if f.rows >= _LARGE][:_LARGE_FILES] if len(files) > 1 else files
    parts = []
    for chosen in (*([f] for f in large), [f for f in files if f not in large]):
        if not chosen:
            continue
        rows = rows_sql(root, chosen, columns, names=names, logical=logical, positions=True, ignore_deletes=True)
        at, on = positions, f"_space_rows.{POS} = _space_at.pos"
        if len(chosen) == 1:  # one number to compare, and no file number to make, for each of many rows
            at = f"SELECT * FROM ({positions}) WHERE file = {chosen[0].number}"
        else:
            on += f" AND _space_rows.{FILE} = _space_at.file"
        parts.append(f"SELECT {', '.join(items)} FROM ({rows}) AS _space_rows JOIN ({at}) AS _space_at ON {on}")
    return "\nUNION ALL\n".join(parts)
