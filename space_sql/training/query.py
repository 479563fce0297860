"""What training reads: a snapshot, its columns, a condition and an order. Small, and the same in every process."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from space_sql.dataset.dataset import folder, open_dataset
from space_sql.dataset.deterministic import ROW
from space_sql.dataset.selection import ordering, selected_sql
from space_sql.errors import InvalidInputError, NotFoundError
from space_sql.format.carriers import physical_projection
from space_sql.format.schema import Column
from space_sql.format.state import State
from space_sql.format.types import quote_identifier


@dataclass(frozen=True)
class Query:
    """A question to one snapshot, which always has the same answer.

    ``columns`` are names in their order; ``where`` is one SQL expression over a row, ``order_by`` terms of an
    ORDER BY.
    """

    root: str
    dataset_id: str
    snapshot_id: int
    columns: tuple[str, ...]
    where: str | None
    order_by: str | None

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What was read, to be logged with a model; ``sha256`` is one value for all of it.

        The folder is not part of it: a copy of the dataset has the same fingerprint.
        """
        told: dict[str, Any] = {
            "dataset_id": self.dataset_id,
            "snapshot_id": self.snapshot_id,
            "columns": list(self.columns),
            "where": self.where,
            "order_by": self.order_by,
        }
        return {**told, "sha256": hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()}

    def state(self) -> State:
        """The snapshot; NotFoundError when it is no longer there."""
        try:
            view = open_dataset(self.root).view()
            if view.dataset_id != self.dataset_id:
                raise NotFoundError(f"{self.root} is another dataset than the one that was opened")
            return view.state(view.kept(self.snapshot_id))
        except NotFoundError as error:
            raise self.vanished(error) from error

    def vanished(self, error: NotFoundError) -> NotFoundError:
        """The error for a snapshot that went away while it was in use."""
        return NotFoundError(
            f"snapshot {self.snapshot_id} of {self.root} cannot be read any more ({error.message}): "
            "tag the version that you train on, so that it is kept"
        )

    def chosen(self, state: State) -> tuple[Column, ...]:
        """The columns that are read."""
        return tuple(state.schema.column(name) for name in self.columns)

    def sql(self, state: State) -> str:
        """The rows in their order: columns ``v0``, ``v1``, …; a record field is its address.

        Values are as data files hold them: what Arrow has no type for is text.
        """
        items = []
        for number, column in enumerate(self.chosen(state)):
            name = quote_identifier(column.name)
            if column.record is None:
                items.append(f"{physical_projection(column.type, name)} AS v{number}")
            else:
                parts = ", ".join(f"'{part}': struct_extract({name}, '{part}')" for part in ("file", "row", "bytes"))
                items.append(f"{{{parts}}} AS v{number}")
        return self._sql(state, items)

    def keys_sql(self, state: State, number: int) -> str:
        """The primary key of the row of that number, as text."""
        keys = [f"{quote_identifier(c.name)}::VARCHAR AS {quote_identifier(c.name)}" for c in state.schema.keys]
        return f"{self._sql(state, keys)} LIMIT 1 OFFSET {number}"

    def _sql(self, state: State, items: list[str]) -> str:
        rows = selected_sql(Path(self.root), state, self.where)
        order = ordering(state, self.order_by)
        return f"SELECT {', '.join(items)} FROM (\nSELECT * FROM (\n{rows}\n) AS {ROW} ORDER BY {order}\n)"


def query(
    path: str | Path,
    version: str | int | None,
    columns: Sequence[str] | str | None,
    where: str | None,
    order_by: str | None,
) -> Query:
    """The query of these arguments, at the snapshot that the version is now."""
    dataset = open_dataset(str(path))
    view = dataset.view()
    snapshot_id = view.resolve(None if version is None else str(version))
    schema = view.state(snapshot_id).schema
    names = [columns] if isinstance(columns, str) else columns
    chosen = schema.columns if names is None else tuple(schema.column(name) for name in names)
    if not chosen:
        raise InvalidInputError("columns is empty: name at least one, or leave it out for all of them")
    if len(set(chosen)) != len(chosen):
        raise InvalidInputError("a column is named twice in columns")
    return Query(
        str(folder(str(path))), dataset.id, snapshot_id, tuple(c.name for c in chosen), where or None, order_by or None
    )
