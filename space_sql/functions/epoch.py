"""space_epoch: the rows of a version in the order of a training epoch."""

from __future__ import annotations

from space_sql.dataset.deterministic import ROW, parsed_nodes
from space_sql.dataset.selection import epoch_sql
from space_sql.dataset.session import Session
from space_sql.dataset.shuffle import check_share
from space_sql.dataset.zones import is_zoned, makes_zoned
from space_sql.errors import InvalidInputError
from space_sql.format.schema import Schema

_UTC = (None, "UTC", "Etc/UTC")


def read(
    session: Session,
    path: str | None,
    version: str | None,
    seed: int | None,
    epoch: int | None,
    rank: int | None,
    world: int | None,
    predicate: str | None,
    order_by: str | None,
    time_zone: str | None,
) -> str:
    """SQL for a rank's rows in their order."""
    if seed is None or epoch is None or rank is None or world is None:
        raise InvalidInputError("seed, epoch, rank and world are numbers, not NULL")
    check_share(epoch, rank, world)
    view = session.view(path)
    state = view.state(view.resolve(version, session.branch))
    if predicate is not None or order_by is not None:
        session.check_collation()
        _check_zone(state.schema, predicate, order_by, time_zone)
    return epoch_sql(
        view.dataset.root,
        state,
        seed=seed,
        epoch=epoch,
        rank=rank,
        world=world,
        where=predicate,
        order_by=order_by,
    )


def _check_zone(schema: Schema, predicate: str | None, order_by: str | None, time_zone: str | None) -> None:
    """Raise InvalidInputError where the session's time zone gives other rows than UTC, in which loaders choose them."""
    if time_zone in _UTC:
        return
    sql = f"SELECT (\n{predicate or 'true'}\n) ORDER BY\n{order_by or 'true'}\n"
    names = {n["column_names"][0].casefold() for n in parsed_nodes(sql) if n.get("class") == "COLUMN_REF"}
    read = [c for c in schema.columns if c.name.casefold() in names or ROW in names]
    if makes_zoned(sql) or any(is_zoned(str(c.type)) for c in read):
        raise InvalidInputError(
            f"the predicate or order depends on the time zone, which is {time_zone} here and UTC where training reads: "
            "SET TimeZone = 'UTC'"
        )
