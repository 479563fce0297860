"""PyTorch: rows for its DataLoader, by number or in the order of epochs.

    loader = torch.loader(open_dataset("scans", version="v3", decode=True), batch_size=64, seed=7, num_workers=2)
    for epoch in range(10):
        for batch in loader: ...

Any Source or Epoch is a map-style dataset as it is: ``DataLoader(source.epoch(3, seed=7), batch_size=64)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from space_sql.training.epoch import Epoch, resumed
from space_sql.training.extra import needs
from space_sql.training.rows import Rows
from space_sql.training.source import Source

with needs("torch"):
    from torch.utils.data import DataLoader, Dataset, IterableDataset, default_collate, get_worker_info

Transform = Callable[[dict[str, Any]], Any]


class Map(Dataset):  # type: ignore[misc]  # torch may be missing where types are checked
    """Rows by number, each through ``transform``; reads a batch at once."""

    def __init__(self, rows: Rows, transform: Transform | None = None) -> None:
        self.rows = rows
        self.transform = transform

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> Any:
        row = self.rows[number]
        return self.transform(row) if self.transform else row

    def __getitems__(self, numbers: Sequence[int]) -> list[Any]:
        """A batch."""
        rows = self.rows.__getitems__(numbers)
        return [self.transform(row) for row in rows] if self.transform else rows


class Batches(IterableDataset):  # type: ignore[misc]
    """Whole batches of an epoch, for ``DataLoader(…, batch_size=None)``; an epoch's order with any ``num_workers``.

    Worker w of W gives the batches w, w + W, …, which DataLoader takes in turn.
    """

    def __init__(
        self,
        epoch: Epoch,
        batch_size: int,
        *,
        transform: Transform | None = None,
        collate: Callable[[list[Any]], Any] = default_collate,
        drop_last: bool = False,
    ) -> None:
        self.epoch = epoch
        self.batch_size = batch_size
        self.drop_last = drop_last
        self._map = Map(epoch.source, transform)
        self._collate = collate

    def __len__(self) -> int:
        return self.epoch.count(self.batch_size, drop_last=self.drop_last)

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        own, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        for number, rows in enumerate(self.epoch.batches(self.batch_size, drop_last=self.drop_last)):
            if number % workers == own:
                yield self._collate(self._map.__getitems__(rows))


class EpochLoader:
    """Epoch after epoch in batches, with a state to go on from; made by `loader`.

    Iterating gives the rest of the current epoch; then the next one is current.
    """

    def __init__(
        self,
        source: Source,
        batch_size: int,
        *,
        seed: int,
        rank: int,
        world: int,
        transform: Transform | None,
        drop_last: bool,
        options: Mapping[str, Any],
    ) -> None:
        self.batch_size = batch_size
        self.drop_last = drop_last
        self._taken = 0
        self._current = source.epoch(0, seed=seed, rank=rank, world=world)
        self._loader = DataLoader(Map(source, transform), batch_sampler=_Sampler(self), **options)

    @property
    def epoch(self) -> Epoch:
        """What is left of the current epoch, as of its beginning or of when it was resumed."""
        return self._current

    def __len__(self) -> int:
        """How many batches the current epoch has, or had when it was resumed."""
        return self._current.count(self.batch_size, drop_last=self.drop_last)

    def __iter__(self) -> Iterator[Any]:
        if self._taken:  # the loop was left before the end: its epoch begins again where it was
            self._current = resumed(
                self._current.source, self.state_dict(), rank=self._current.rank, world=self._current.world
            )
            self._taken = 0
        for batch in self._loader:
            self._taken += 1
            yield batch
        self.set_epoch(self._current.epoch + 1)

    def set_epoch(self, epoch: int) -> None:
        """Begin an epoch."""
        was = self._current
        self._current = was.source.epoch(epoch, seed=was.seed, rank=was.rank, world=was.world)
        self._taken = 0

    def state_dict(self) -> dict[str, Any]:
        """Where training is, after the batches that this loop was given: a small dict of text and numbers."""
        return self._current.state(self._taken * self.batch_size)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state; the number of ranks and workers may be another one than it was taken with."""
        was = self._current
        self._current = resumed(was.source, state, rank=was.rank, world=was.world)
        self._taken = 0


class _Sampler:
    """The batches of the loader's current epoch."""

    def __init__(self, loader: EpochLoader) -> None:
        self._loader = loader

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[list[int]]:
        return self._loader.epoch.batches(self._loader.batch_size, drop_last=self._loader.drop_last)


def loader(
    source: Source,
    batch_size: int,
    *,
    seed: int = 0,
    rank: int = 0,
    world: int = 1,
    transform: Transform | None = None,
    drop_last: bool = False,
    **options: Any,
) -> EpochLoader:
    """Epochs in batches, through a DataLoader that gets the other ``options`` (``num_workers``, ``collate_fn``, …).

    Args:
        source: what to read.
        batch_size: rows of a batch of this rank.
        seed: chooses the orders of all epochs.
        rank: which of the ``world`` processes that train together this is.
        world: how many there are.
        transform: a function of a row, called in the workers.
        drop_last: leave out the rows that do not make a whole batch for every rank: all have as many batches then.
    """
    return EpochLoader(
        source,
        batch_size,
        seed=seed,
        rank=rank,
        world=world,
        transform=transform,
        drop_last=drop_last,
        options=options,
    )
