"""An epoch: all rows once, in an order that the version, a seed and the epoch's number choose.

The order is the same for any number of workers and ranks, and the same as that of ``space_epoch`` in SQL. Nothing
is sorted: which row is at a place is computed for the places that are asked for, so an epoch is resumed at once.

Source: docs/adr/011-epochs.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from space_sql.dataset.shuffle import check_share
from space_sql.errors import InvalidInputError
from space_sql.training.index import Index, Numbers
from space_sql.training.order import Order
from space_sql.training.rows import Rows

if TYPE_CHECKING:
    import pyarrow as pa

    from space_sql.training.source import Source

_CHUNK = 8192


class Epoch(Rows):
    """A rank's share of an epoch: the places ``position + rank``, ``position + rank + world``, … of the order.

    A sequence like the Source that it is made from; ``position`` says how many rows all ranks together had before.
    """

    def __init__(
        self, source: Source, *, seed: int = 0, epoch: int = 0, rank: int = 0, world: int = 1, position: int = 0
    ) -> None:
        check_share(epoch, rank, world)
        if not 0 <= position <= len(source):
            raise InvalidInputError(f"position {position} is not in an epoch of {len(source)} rows")
        self.source = source
        self.rank, self.world, self.position = rank, world, position
        self._order = Order(len(source), seed, epoch)

    @property
    def seed(self) -> int:
        """What chooses the orders of all epochs."""
        return self._order.seed

    @property
    def epoch(self) -> int:
        """The number of this epoch."""
        return self._order.epoch

    def __len__(self) -> int:
        return max(0, -(-(len(self.source) - self.position - self.rank) // self.world))

    def __repr__(self) -> str:
        return (
            f"<epoch {self.epoch} with seed {self.seed}, rank {self.rank} of {self.world}, from {self.position}: "
            f"{len(self)} of {self.source!r}>"
        )

    def rows(self, numbers: Sequence[int]) -> list[int]:
        """Which rows of the source have these numbers in this share."""
        found: list[int] = self._rows(self._numbers(numbers)).tolist()
        return found

    def batches(self, batch_size: int, *, drop_last: bool = False) -> Iterator[list[int]]:
        """Rows of the source in batches; with ``drop_last``, as many and as large ones for every rank."""
        if batch_size < 1:
            raise InvalidInputError(f"batch_size {batch_size}: a batch has at least one row")
        end = self.count(batch_size, drop_last=drop_last) * batch_size if drop_last else len(self)
        step = max(1, _CHUNK // batch_size) * batch_size
        for first in range(0, end, step):
            rows = self._rows(np.arange(first, min(first + step, end), dtype=np.int64)).tolist()
            yield from (rows[at : at + batch_size] for at in range(0, len(rows), batch_size))

    def count(self, batch_size: int, *, drop_last: bool = False) -> int:
        """How many batches there are."""
        if drop_last:
            return (len(self.source) - self.position) // (self.world * batch_size)
        return -(-len(self) // batch_size)

    def state(self, taken: int = 0) -> dict[str, Any]:
        """Where training is when every rank had ``taken`` rows of its share: what `resumed` goes on from."""
        return {
            "fingerprint": self.source.fingerprint["sha256"],
            "seed": self.seed,
            "epoch": self.epoch,
            "position": min(self.position + taken * self.world, len(self.source)),
        }

    def _rows(self, numbers: Numbers) -> Numbers:
        return self._order.at(numbers * self.world + (self.rank + self.position))

    def _take(self, numbers: Numbers) -> dict[str, list[Any]]:
        return self.source._take(self._rows(numbers))

    def _reader(self, numbers: Numbers, batch_rows: int) -> pa.RecordBatchReader:
        return self.source._reader(self._rows(numbers), batch_rows)

    def _found(self) -> tuple[str, Index, Numbers]:
        root, index, _ = self.source._found()
        return root, index, self._rows(np.arange(len(self)))


def resumed(source: Source, state: Mapping[str, Any], *, rank: int = 0, world: int = 1) -> Epoch:
    """The rest of an epoch, from what `Epoch.state` gave; the number of ranks may be another one.

    Raises:
        InvalidInputError: the state is of another version or query.
    """
    if state.get("fingerprint") != source.fingerprint["sha256"]:
        raise InvalidInputError(
            f"this state is of another version or query than {source!r}: open what it was taken from"
        )
    return Epoch(source, seed=state["seed"], epoch=state["epoch"], rank=rank, world=world, position=state["position"])
