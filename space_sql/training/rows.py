"""A sequence of rows, whatever their order: what Source and Epoch have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from operator import index
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from space_sql.training.index import Index, Numbers

if TYPE_CHECKING:
    import pyarrow as pa

_CHUNK = 64


class Rows(ABC):
    """Rows as dicts from column to value, by their number from 0; numbers below 0 count from the end."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def _take(self, numbers: Numbers) -> dict[str, list[Any]]:
        """The values of each column for some rows, whose numbers are in range."""

    @abstractmethod
    def _reader(self, numbers: Numbers, batch_rows: int) -> pa.RecordBatchReader:
        """Those rows as Arrow."""

    @abstractmethod
    def _found(self) -> tuple[str, Index, Numbers]:
        """The dataset's folder, all that the query gave, and which of it are these rows."""

    @overload
    def __getitem__(self, rows: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, rows: slice | Sequence[int]) -> list[dict[str, Any]]: ...

    def __getitem__(self, rows: int | slice | Sequence[int]) -> dict[str, Any] | list[dict[str, Any]]:
        """One row, or a list of rows in the order asked."""
        if isinstance(rows, slice):
            return self._dicts(np.arange(*rows.indices(len(self)), dtype=np.int64))
        if isinstance(rows, Sequence | np.ndarray):
            return self.__getitems__(rows)
        return self.__getitems__([index(rows)])[0]

    def __getitems__(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """Rows in the order asked, repeats included; PyTorch calls this for a batch."""
        return self._dicts(self._numbers(rows))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for first in range(0, len(self), _CHUNK):
            yield from self._dicts(np.arange(first, min(first + _CHUNK, len(self))))

    def take(self, rows: Sequence[int]) -> dict[str, list[Any]]:
        """Rows in the order asked, as a dict from column to a list of values."""
        return self._take(self._numbers(rows))

    def reader(self, batch_rows: int = 1024) -> pa.RecordBatchReader:
        """All rows as Arrow record batches of at most ``batch_rows`` rows, and about 64 MiB of records.

        Records are binary, or text for a VARCHAR field; nothing is decoded.
        """
        return self._reader(np.arange(len(self)), batch_rows)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.reader().__arrow_c_stream__(requested_schema)

    def _dicts(self, numbers: Numbers) -> list[dict[str, Any]]:
        found = self._take(numbers)
        names = tuple(found)
        return [dict(zip(names, values, strict=True)) for values in zip(*found.values(), strict=True)]

    def _numbers(self, rows: Sequence[int]) -> Numbers:
        numbers = np.asarray(rows)
        if not len(numbers):
            return np.empty(0, np.int64)
        if numbers.dtype.kind not in "iu" or numbers.ndim != 1:
            raise TypeError(f"rows are asked for by whole numbers, not {type(rows[0]).__name__}")
        numbers = numbers.astype(np.int64)
        if numbers.min() < -len(self) or numbers.max() >= len(self):
            wrong = next(int(n) for n in numbers if not -len(self) <= n < len(self))
            raise IndexError(f"row {wrong} of {len(self)}")
        return np.where(numbers < 0, numbers + len(self), numbers)
