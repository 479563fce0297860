"""A three-way merge of rows as SQL: both sides beside their common ancestor, by primary key, cell by cell.

Only rows that differ from an ancestor by position are read. Each step is a named query over the ones
before it, so that the same text serves as temporary tables (a merge) and as one query (its conflicts).

With several common ancestors a cell or row is merged only where all of them say the same of it, which
is where merging the ancestors themselves first could say nothing else; the rest is a conflict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from space_sql.dataset.difference import rows_only_in
from space_sql.dataset.match import Staged, candidates
from space_sql.dataset.scan import FILE, POS, identity_sql, rows_sql, same_values
from space_sql.dataset.united import Side, Sides, Slot, United
from space_sql.format.data_file import DataFile
from space_sql.format.schema import Column
from space_sql.format.state import State

_KEPT_ROWS = 1 << 18


@dataclass(frozen=True)
class Step:
    """A named query; ``kept`` when its rows should be computed once and kept."""

    name: str
    sql: str
    kept: bool = True


@dataclass(frozen=True)
class Resolutions:
    """Rows of final values: staged files, the slots that they give by column id, and the column that deletes."""

    files: tuple[DataFile, ...]
    given: frozenset[int]
    delete: Column | None


@dataclass(frozen=True)
class ThreeWay:
    """The merge of two states over their common ancestors; ``winner`` decides what no resolution does."""

    root: Path
    sides: Sides
    united: United
    winner: Side | None = None
    resolutions: Resolutions | None = None

    @property
    def _slots(self) -> tuple[Slot, ...]:
        return (*self.united.keys, *self.united.cells)

    @property
    def _keys(self) -> str:
        return ", ".join(s.name for s in self.united.keys)

    @property
    def sources(self) -> list[DataFile]:
        """All files that merged rows may come from."""
        states = (*self.sides.bases, self.sides.ours, self.sides.theirs)
        given = self.resolutions.files if self.resolutions is not None else ()
        return [*given, *(f for state in states for f in state.files.values())]

    def _same_key(self, a: str, b: str) -> str:
        return " AND ".join(f"{a}.{s.name} IS NOT DISTINCT FROM {b}.{s.name}" for s in self.united.keys)

    def steps(self) -> Iterator[Step]:
        """All steps: the last ones are ``doubled`` (n, side), ``judged`` and ``merged``."""
        several = range(len(self.sides.bases))
        for i, base in enumerate(self.sides.bases):
            yield from self._read(i, "theirs", base, self.sides.theirs)
            yield from self._read(i, "ours", base, self.sides.ours)
        changed = " UNION ALL ".join(self._changed(i) for i in several)
        yield Step("keys", f"SELECT row_number() OVER () AS n, * FROM (SELECT DISTINCT {self._keys} FROM ({changed}))")
        for i in several:
            for name in ("base_theirs", "theirs", "base_ours", "ours"):
                yield Step(f"n_{name}{i}", self._numbered(f"{name}{i}"))
            left = f"FROM n_base_ours{i} ANTI JOIN n_base_theirs{i} USING (n)"
            yield Step(f"base{i}", f"FROM n_base_theirs{i} UNION ALL {left}")
        yield Step("doubled", self._doubled())
        if self.resolutions is not None:
            yield Step("resolved", self._resolved(self.resolutions))
        yield Step("sides", self._beside(), kept=False)
        yield Step("compared", self._compared(), kept=False)
        yield Step("judged", self._judged())
        yield Step("valued", self._valued(), kept=False)
        yield Step("merged", self._merged())

    # -- what differs ---------------------------------------------------------------------------

    def _read(self, i: int, side: Side, base: State, state: State) -> Iterator[Step]:
        """Rows of an ancestor that are not in a side, and the other way round, with their positions."""

        def in_base(slot: Slot) -> Column | None:
            return slot.bases[i]

        def in_side(slot: Slot) -> Column | None:
            return slot.ours if side == "ours" else slot.theirs

        apart = {
            c.id
            for s in self._slots
            if (there := in_side(s)) is not None and (s.bases[i] is None or s.bases[i].id != there.id)  # type: ignore[union-attr]
            for c in (s.bases[i], there)
            if c is not None
        }
        for name, pick, here, other in (
            (f"base_{side}{i}", in_base, base, state),
            (f"{side}{i}", in_side, state, base),
        ):
            alone = [f for f in here.files.values() if f.number not in other.files]
            kept = side == "theirs" or sum(f.rows for f in alone) <= _KEPT_ROWS
            yield Step(name, self._rows(pick, here, other, frozenset(apart), by_origin=side == "theirs"), kept)

    def _rows(
        self,
        pick: Callable[[Slot], Column | None],
        here: State,
        there: State,
        apart: frozenset[int],
        *,
        by_origin: bool,
    ) -> str:
        """Rows that one state has alone. The target's must be known where they lie; the branch's may have moved."""
        found = [(s, c) for s in self._slots if (c := pick(s)) is not None]
        columns, names = [_as_merged(s, c) for s, c in found], [s.name for s, _ in found]
        parts = rows_only_in(
            self.root,
            here.files,
            there.files,
            columns,
            names=names,
            logical=False,
            apart=apart,
            positions=True,
            by_origin=by_origin,
        ) or [rows_sql(self.root, [], columns, names=names, logical=False, positions=True)]
        items = [f"{FILE} AS file", f"{POS} AS pos"]
        items += [s.name if pick(s) is not None else f"{_null(s)} AS {s.name}" for s in self._slots]
        return f"SELECT {', '.join(items)} FROM (\n" + "\nUNION ALL\n".join(parts) + "\n)"

    def _changed(self, i: int) -> str:
        """The keys whose rows the branch changed; and those that the target changed in columns that it dropped."""
        cells = [s for s in self.united.cells if s.theirs is not None]
        parts = [self._unequal("theirs", i, cells)]
        dropped = [s for s in self.united.dropped if s.dropped == "theirs"]
        if dropped:
            parts.append(self._unequal("ours", i, dropped))
        return " UNION ALL ".join(parts)

    def _unequal(self, side: Side, i: int, cells: Sequence[Slot]) -> str:
        names = ", ".join([self._keys, *(part for s in cells for part in identity_sql(s.column, s.name))])
        shown = ", ".join([self._keys, *(s.name for s in cells)])
        both = f"SELECT {shown}, 1 AS w FROM base_{side}{i} UNION ALL SELECT {shown}, -1 FROM {side}{i}"
        return f"SELECT {self._keys} FROM ({both}) GROUP BY {names} HAVING sum(w) <> 0"

    def _numbered(self, name: str) -> str:
        items = ", ".join(f"r.{s.name}" for s in self.united.cells)
        return (
            f"SELECT k.n, r.file, r.pos{', ' if items else ''}{items} FROM {name} AS r "
            f"JOIN keys AS k ON {self._same_key('r', 'k')}"
        )

    def _doubled(self) -> str:
        """Keys that are there more than once on a side, so that it is not clear which row is meant."""
        parts = []
        for i in range(len(self.sides.bases)):
            for name, side in (("theirs", "theirs"), ("ours", "ours"), ("base_theirs", "base"), ("base_ours", "base")):
                parts.append(f"SELECT n, '{side}' AS side FROM n_{name}{i} GROUP BY n HAVING count(*) > 1")
            both = f"n_base_theirs{i} AS a JOIN n_base_ours{i} AS b USING (n)"
            parts.append(f"SELECT n, 'base' FROM {both} WHERE a.file <> b.file OR a.pos <> b.pos")
            for side, other in (("ours", "theirs"), ("theirs", "ours")):
                stays = f"n_{side}{i} SEMI JOIN n_base_{other}{i} USING (n)"
                parts.append(f"SELECT n, '{side}' FROM (FROM {stays}) ANTI JOIN n_base_{side}{i} USING (n)")
        files = self._may_hold_new_keys()
        if files:
            columns = [_as_merged(s, s.bases[0]) for s in self.united.keys if s.bases[0] is not None]
            names = [s.name for s in self.united.keys]
            stored = rows_sql(self.root, files, columns, names=names, logical=False)
            for side in ("theirs", "ours"):
                fresh = f"FROM keys SEMI JOIN n_{side}0 USING (n) ANTI JOIN base0 USING (n)"
                parts.append(
                    f"SELECT k.n, '{side}' FROM ({stored}) AS r JOIN ({fresh}) AS k ON {self._same_key('r', 'k')}"
                )
        return f"SELECT n, min(side) AS side FROM ({' UNION ALL '.join(parts)}) GROUP BY n"

    def _may_hold_new_keys(self) -> list[DataFile]:
        """Files of the ancestor that may hold a key which a side added as if it were new."""
        base = self.sides.bases[0]
        sides = [self.sides.theirs]
        if any(s.dropped == "theirs" for s in self.united.dropped):
            sides.append(self.sides.ours)
        brought = {f.number: f for state in sides for f in state.files.values() if _brings_rows(f, base)}
        if not brought:
            return []
        keys = tuple(s.column for s in self.united.keys)
        return candidates(Staged(self.root, tuple(brought.values()), keys, keys), base)

    def _resolved(self, given: Resolutions) -> str:
        """The rows of resolutions by number; a slot that they do not give is NULL."""
        slots = [s for s in self._slots if s.column.id in given.given and s.dropped is None]
        columns, names = [s.column for s in slots], [s.name for s in slots]
        if given.delete is not None:
            columns, names = [*columns, given.delete], [*names, "gone"]
        numbered = [replace(f, number=-1 - i) for i, f in enumerate(given.files)]
        rows = rows_sql(self.root, numbered, columns, names=names, logical=False)
        items = ", ".join(["k.n", *(f"r.{s.name}" for s in slots if s not in self.united.keys)])
        gone = "r.gone" if given.delete is not None else "NULL::BOOLEAN"
        return f"SELECT {items}, {gone} AS gone FROM ({rows}) AS r JOIN keys AS k ON {self._same_key('r', 'k')}"

    # -- row beside row ---------------------------------------------------------------------------

    def _beside(self) -> str:
        """For each key: both sides' row and the ancestors'; a side that has the ancestor's row shows that."""
        several = range(len(self.sides.bases))
        items = ["k.*"]
        for side in ("ours", "theirs"):
            there = f"{side}.n IS NOT NULL OR (base_{side}.n IS NULL AND b0.n IS NOT NULL)"
            items.append(f"({there}) AS has_{side}")
        items += [f"b{i}.n IS NOT NULL AS has_base{i}" for i in several]
        items += [f"CASE WHEN ours.n IS NOT NULL THEN ours.{c} ELSE b0.{c} END AS {c}" for c in ("file", "pos")]
        for s in self.united.cells:
            for side in ("ours", "theirs"):
                has = s.ours if side == "ours" else s.theirs
                value = f"CASE WHEN {side}.n IS NOT NULL THEN {side}.{s.name} ELSE b0.{s.name} END"
                items.append(f"{value if has is not None else f'b0.{s.name}'} AS {side}{s.name}")
            items += [f"b{i}.{s.name} AS base{i}{s.name}" for i in several]
        tables = "keys AS k" + "".join(f" LEFT JOIN base{i} AS b{i} ON b{i}.n = k.n" for i in several)
        for side in ("ours", "theirs"):
            tables += f" LEFT JOIN n_{side}0 AS {side} ON {side}.n = k.n"
            tables += f" LEFT JOIN n_base_{side}0 AS base_{side} ON base_{side}.n = k.n"
        return f"SELECT {', '.join(items)} FROM {tables} WHERE k.n NOT IN (SELECT n FROM doubled)"

    def _all_bases(self, value: str, slot: Slot) -> str:
        """Whether all ancestors have the row, with this value in the cell."""
        return " AND ".join(
            f"has_base{i} AND {same_values(slot.column, value, f'base{i}{slot.name}')}"
            for i in range(len(self.sides.bases))
        )

    def _compared(self) -> str:
        """For each cell whether it was edited by the only side that still has the row, or differently by both."""
        several = range(len(self.sides.bases))
        any_base = " OR ".join(f"has_base{i}" for i in several)
        all_bases = " AND ".join(f"has_base{i}" for i in several)
        items = []
        for s in self.united.cells:
            ours, theirs = f"ours{s.name}", f"theirs{s.name}"
            if s.dropped is not None:
                side, value = ("ours", ours) if s.dropped == "theirs" else ("theirs", theirs)
                edited = f"CASE WHEN {any_base} THEN NOT ({self._all_bases(value, s)}) ELSE {value} IS NOT NULL END"
                items.append(f"(has_{side} AND {edited}) AS bad{s.name}")
                continue
            alone = []
            for side, value, column in (("ours", ours, s.ours), ("theirs", theirs, s.theirs)):
                if column is not None:
                    alone.append(f"WHEN has_{side} AND ({any_base}) THEN NOT ({self._all_bases(value, s)})")
            both = "false"
            if s.ours is not None and s.theirs is not None:
                both = (
                    f"NOT ({same_values(s.column, ours, theirs)}) AND NOT ({self._all_bases(ours, s)}) "
                    f"AND NOT ({self._all_bases(theirs, s)})"
                )
            cases = " ".join([f"WHEN has_ours AND has_theirs THEN {both}", *alone])
            items.append(f"CASE {cases} ELSE false END AS bad{s.name}")
        disagree = f"(has_ours <> has_theirs AND ({any_base}) AND NOT ({all_bases}))"
        return f"SELECT *, ({any_base}) AS has_base, {', '.join([*items, f'{disagree} AS disagree'])} FROM sides"

    def _judged(self) -> str:
        """For each key the kind of its conflict, and which conflicts no resolution decides."""
        kept = [f"bad{s.name}" for s in self.united.kept]
        clash = f"(has_ours <> has_theirs AND ({' OR '.join([*kept, 'disagree'])}))"
        kind = (
            "CASE WHEN has_ours AND has_theirs THEN if(has_base, 'edited', 'added') "
            "WHEN has_ours THEN 'deleted_by_theirs' ELSE 'deleted_by_ours' END"
        )
        if self.resolutions is None:
            items = [f"{clash} AS clash", f"{clash} AS open_clash", f"{kind} AS kind"]
            items += [f"bad{s.name} AS open{s.name}" for s in self.united.cells]
            return f"SELECT *, {', '.join(items)} FROM compared"
        given = self.resolutions.given
        missing = [f"bad{s.name}" for s in self.united.kept if s.column.id not in given]
        decided = f"(r.n IS NOT NULL AND (r.gone IS NOT NULL OR NOT ({' OR '.join([*missing, 'disagree'])})))"
        items = [f"{clash} AS clash", f"({clash} AND NOT {decided}) AS open_clash", f"{kind} AS kind"]
        for s in self.united.cells:
            by = "r.n IS NOT NULL" if s.column.id in given and s.dropped is None else "false"
            by = f"CASE WHEN {clash} THEN {decided} ELSE r.n IS NOT NULL AND coalesce(r.gone, false) OR {by} END"
            items.append(f"(bad{s.name} AND NOT ({by if s.dropped is None else 'false'})) AS open{s.name}")
        items.append("r.n IS NOT NULL AS has_resolution")
        items.append("r.gone")
        items += [f"r.{s.name} AS resolved{s.name}" for s in self.united.kept if s.column.id in given]
        return f"SELECT c.*, {', '.join(items)} FROM compared AS c LEFT JOIN resolved AS r ON r.n = c.n"

    def _valued(self) -> str:
        """For each key the merged value of each cell, if the row is there in the end."""
        items = []
        for s in self.united.kept:
            ours, theirs = f"ours{s.name}", f"theirs{s.name}"
            if s.theirs is None:
                merged = ours
            elif s.ours is None:
                merged = theirs
            else:
                merged = f"CASE WHEN {self._all_bases(ours, s)} THEN {theirs} ELSE {ours} END"
            won = theirs if self.winner == "theirs" and s.theirs is not None else ours
            value = (
                f"CASE WHEN has_ours AND has_theirs THEN CASE WHEN bad{s.name} THEN {won} ELSE {merged} END "
                f"WHEN has_ours THEN {ours} ELSE {theirs} END"
            )
            if self.resolutions is not None and s.column.id in self.resolutions.given:
                value = f"CASE WHEN bad{s.name} AND has_resolution THEN {self._resolution(s)} ELSE {value} END"
            items.append(f"{value} AS {s.name}")
        outcome = f"{self._outcome()} AS outcome"
        return f"SELECT n, {self._keys}, {outcome}, file, pos{_more(items)}{_more(self._seen())} FROM judged"

    def _resolution(self, slot: Slot) -> str:
        """The resolved value; a record that a side has already stays where it is."""
        given = f"resolved{slot.name}"
        if slot.column.record is None:
            return given
        sides = [f"{side}{slot.name}" for side in ("ours", "theirs")]
        known = " ".join(f"WHEN {same_values(slot.column, given, side)} THEN {side}" for side in sides)
        return f"CASE {known} ELSE {given} END"

    def _seen(self) -> list[str]:
        """The target's values, to tell whether a row changes."""
        return [f"{f'ours{s.name}' if s.ours is not None else _null(s)} AS ours{s.name}" for s in self.united.kept]

    def _outcome(self) -> str:
        """What becomes of the target's row: insert, delete or keep; NULL when there is none and stays none."""
        remove = "if(has_ours, 'delete', NULL)"
        cases = ["WHEN NOT has_ours AND NOT has_theirs THEN NULL"]
        if self.resolutions is not None:
            conflict = " OR ".join(["clash", *(f"bad{s.name}" for s in self.united.kept)])
            cases.append(f"WHEN ({conflict}) AND coalesce(gone, false) THEN {remove}")
            cases.append("WHEN clash AND NOT open_clash THEN if(has_ours, 'keep', 'insert')")
        cases.append("WHEN has_ours AND has_theirs THEN 'keep'")
        theirs_wins = self.winner == "theirs"
        cases.append(
            f"WHEN has_ours THEN CASE WHEN clash THEN '{'delete' if theirs_wins else 'keep'}' "
            "WHEN has_base THEN 'delete' ELSE 'keep' END"
        )
        cases.append(f"ELSE CASE WHEN has_base AND NOT (clash AND {theirs_wins}) THEN NULL ELSE 'insert' END")
        return f"CASE {' '.join(cases)} END"

    def _merged(self) -> str:
        """The rows that the target gets, and positions of those that they replace or that go."""
        differs = [f"NOT ({same_values(s.column, s.name, f'ours{s.name}')})" for s in self.united.kept]
        changed = " OR ".join(differs) or "false"
        action = f"CASE WHEN outcome = 'keep' THEN if({changed}, 'update', NULL) ELSE outcome END"
        cells = _more([s.name for s in self.united.kept])
        rows = f"SELECT n, {self._keys}, {action} AS action, file, pos{cells} FROM valued"
        return f"FROM ({rows}) WHERE action IS NOT NULL"


def as_query(steps: Sequence[Step], last: str) -> str:
    """The steps as one query that ends with ``last``."""
    tables = ",\n".join(f"{s.name} AS {'' if s.kept else 'NOT '}MATERIALIZED ({s.sql})" for s in steps)
    return f"WITH {tables}\n{last}"


def _brings_rows(file: DataFile, base: State) -> bool:
    """Whether a side's file has rows that the ancestor has not: it is new, or rows of it came back."""
    before = base.files.get(file.number)
    return bool(file.live) and (before is None or any(d not in file.deletes for d in before.deletes))


def _as_merged(slot: Slot, column: Column) -> Column:
    """A side's column, read as the merge has it."""
    return replace(slot.column, id=column.id, name=column.name)


def _null(slot: Slot) -> str:
    return f"CAST(NULL AS {slot.column.stored_type})"


def _more(items: Sequence[str]) -> str:
    return "".join(f", {item}" for item in items)
