"""space_epoch: the rows of a version in the order of a training epoch."""

from __future__ import annotations

from space_sql.dataset.selection import epoch_sql
from space_sql.dataset.session import Session
from space_sql.dataset.shuffle import check_share
from space_sql.errors import InvalidInputError


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
) -> str:
    """SQL for a rank's rows in their order."""
    if seed is None or epoch is None or rank is None or world is None:
        raise InvalidInputError("seed, epoch, rank and world are numbers, not NULL")
    check_share(epoch, rank, world)
    view = session.view(path)
    state = view.state(view.resolve(version, session.branch))
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
