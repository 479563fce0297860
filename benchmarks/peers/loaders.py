"""PyTorch's DataLoader over any store that gives records by number."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from peers.peer import Unsupported

Read = Callable[[list[int]], list[bytes]]


class Taken:
    """Records by number, a batch at once; what reads them is opened in each process."""

    def __init__(self, opened: Callable[[str], Read], path: str, rows: int) -> None:
        self._opened, self._path, self._rows = opened, path, rows
        self._read: Read | None = None

    def __len__(self) -> int:
        return self._rows

    def __getitems__(self, numbers: Sequence[int]) -> list[Any]:
        """A batch."""
        if self._read is None:
            self._read = self._opened(self._path)
        return [tensor(record) for record in self._read(list(numbers))]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_read": None}


def tensor(record: bytes) -> Any:
    """The bytes of a record as a tensor."""
    import torch

    return torch.frombuffer(bytearray(record), dtype=torch.uint8)


def data_loader(dataset: Any, batch: int, workers: int, *, spawn: bool = False) -> Any:
    """PyTorch's own shuffled order; workers stay for all epochs."""
    try:
        from torch.utils.data import DataLoader
    except ImportError as error:
        raise Unsupported("torch is not installed") from error
    context = "spawn" if spawn and workers else None
    return DataLoader(
        dataset,
        batch,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        multiprocessing_context=context,
    )


def shuffled(rows: int, seed: int, batch: int) -> Iterator[list[int]]:
    """All numbers once, in batches, as Python shuffles them."""
    order = list(range(rows))
    random.Random(seed).shuffle(order)
    return (order[at : at + batch] for at in range(0, rows, batch))
