"""Update: new values for the rows where a predicate is true, written anew; equal rows are no change."""

from __future__ import annotations

from space_sql.dataset.append import changed
from space_sql.dataset.dataset import View
from space_sql.dataset.engine import cursor
from space_sql.dataset.match import check_keys, refuse_existing, staged
from space_sql.dataset.plan import rebase_schema
from space_sql.dataset.positions import rebase
from space_sql.dataset.recording import DIFFERS, old_address
from space_sql.dataset.rows import Rows
from space_sql.dataset.scan import FILE, POS, rows_sql
from space_sql.dataset.session import Session
from space_sql.dataset.source import assignments_sql, predicate_sql
from space_sql.dataset.staging import Staging
from space_sql.dataset.transact import Options, Tip, draft
from space_sql.dataset.write import Write, base_state, plan_fields
from space_sql.errors import InvalidInputError
from space_sql.format.carriers import is_opaque, physical
from space_sql.format.commit import Commit
from space_sql.format.data_file import DataFile
from space_sql.format.schema import Column
from space_sql.format.types import Struct, parse_type, quote_identifier
from space_sql.storage.parquet import write_deletes


def update_query(
    session: Session, view: View, options: Options, assignments: str | None, predicate: str | None
) -> Rows:
    """The queries over the changed rows with their positions; they run in the caller's connection.

    Every new value is computed once; rows that it leaves as they are are filtered out. Record fields without a
    new value go along as addresses. New records are told from old ones when they are staged, by their length and
    hash: then the old address goes along, and whether any other value differs.
    """
    state = base_state(session, view, options)
    given = assignments_sql(assignments, state.schema)
    where = predicate_sql(predicate)
    records = state.schema.records
    addresses = [_address(column) for column in records]
    rows = rows_sql(
        view.dataset.root,
        list(state.files.values()),
        [*state.schema.columns, *records],
        names=[*(c.name for c in state.schema.columns), *addresses],
        addresses=addresses,
        positions=True,
    )
    new = {number: f'"_space_new_{i}"' for i, number in enumerate(given)}
    typed, staged, differs = [FILE, POS], [FILE, POS], []
    for column in state.schema.columns:
        name = quote_identifier(column.name)
        value = new.get(column.id, name if column.record is None else _address(column))
        if column.id in new and column.record is not None:
            old = f"{_address(column)} AS {old_address(column)}"
            typed.append(old)
            staged.append(old)
        elif column.id in new:
            cast = f"TRY_CAST({value} AS {column.type})"
            other = f"{name} IS DISTINCT FROM {cast}"
            if session.collation:  # texts that differ may be equal; their hashes are not
                other += f" OR hash({name}) <> hash({cast})"
            differs.append(f"({other} OR ({cast} IS NULL AND {value} IS NOT NULL))")
        typed.append(f"{value} AS {name}")
        if is_opaque(column.type):
            value = f"CAST(CAST({value} AS {column.type}) AS {physical(column.type)})"
        staged.append(f"{value} AS {name}")
    different = " OR ".join(differs)
    if any(column.id in new for column in records):
        flag = f"({different or 'false'}) AS {DIFFERS}"
        typed.append(flag)
        staged.append(flag)
        different = "true"
    values = ", ".join(f"{expression} AS {new[number]}" for number, expression in given.items())
    changed_rows = f"FROM (SELECT row_.*, {values} FROM (\n{rows}\n) AS row_ WHERE {where}) WHERE {different}"
    return Rows(f"SELECT {', '.join(typed)} {changed_rows}", f"SELECT {', '.join(staged)} {changed_rows}")


def _address(column: Column) -> str:
    """The name of a record field's address beside its value."""
    return f"_space_address_{column.id}"


class Update(Write):
    """Rows being updated: whole new rows are staged with the positions of the old ones."""

    operation = "update"
    change = "update"
    staging: Staging | None

    def __init__(
        self, session: Session, view: View, options: Options, source_type: str | None, assignments: str | None
    ) -> None:
        super().__init__(session, view, options)
        if self.repeat is not None:
            return
        state = base_state(session, view, options)
        assigned = assignments_sql(assignments, state.schema).keys()
        moved = {c.name: c for c in state.schema.records if c.id not in assigned}
        compared = [c for c in state.schema.records if c.id in assigned]
        own = {FILE, POS, DIFFERS, *map(old_address, compared)}
        arriving = parse_type(source_type or "")
        assert isinstance(arriving, Struct)
        fields = [(n, moved[n].type if n in moved else t) for n, t in arriving.fields if n not in own]
        planned, carried = plan_fields(state, fields, evolve=False)
        self._base, self._planned = state, planned.schema
        self._sets_key = bool(set(state.schema.primary_keys) & assigned)
        root = view.dataset.root
        moving = [c.id for c in moved.values()]
        recorder = planned.recorder(root, state, moved=moving, compared=compared, sync=session.sync)
        converter = planned.converter(carried, recorder)
        self.staging = Staging(root, self.change, converter, planned.columns, positions=True, recorder=recorder)

    def build(self, tip: Tip, files: list[DataFile]) -> Commit | None:
        """New rows for the positions, which must still be as they were read."""
        assert self.staging is not None
        if not files:
            return None
        root = tip.view.dataset.root
        schema = rebase_schema(self._base.schema, self._planned, tip.state.schema)
        positions = rebase(self.staging.positions, tip, forgiving=False)
        if len(positions) != sum(file.rows for file in files):
            raise InvalidInputError("a row was given more than one new value")
        deletes = write_deletes(root, positions, "update", sync=self.session.sync)
        if self._sets_key:
            rows = staged(root, files, schema)
            with cursor() as con:
                check_keys(con, rows)
            refuse_existing(rows, self._base, appeared=False, besides=self.staging.positions)
            if tip.state.snapshot_id != self._base.snapshot_id:
                refuse_existing(rows, tip.state, appeared=True, besides=positions)
        return draft(
            tip,
            self.operation,
            rows_updated=len(positions),
            files_added=tuple(files),
            deletes_added=(deletes,),
            schema=changed(schema, tip),
        )
