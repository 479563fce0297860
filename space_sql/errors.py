"""Every error Space SQL raises, named for what the caller does next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SpaceError(Exception):
    """Base of all errors: says what was asked, what was found and what to do next.

    Attributes:
        kind: stable kebab-case name of the error, for programs.
        message: the sentence for people; may hold any text, also line breaks.
    """

    kind = "error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def line(self) -> str:
        """`kind: message` on one line, as a SQL user sees it."""
        return f"{self.kind}: {' '.join(self.message.split())}"


class ConflictError(SpaceError):
    """Someone else committed something that does not go together with this: read again, retry."""

    kind = "conflict"


class NotFoundError(SpaceError):
    """A dataset, version, ref or column that was named is not there."""

    kind = "not-found"


class AlreadyExistsError(SpaceError):
    """The name is taken."""

    kind = "already-exists"


class InvalidInputError(SpaceError):
    """The request or its rows cannot be taken as given: change them."""

    kind = "invalid-input"


class ReadOnlyError(SpaceError):
    """The place cannot be written to."""

    kind = "read-only"


class FormatError(SpaceError):
    """Stored bytes are damaged, or of a version this release does not know."""

    kind = "format"


class StorageError(SpaceError):
    """The disk or file system failed: nothing was committed."""

    kind = "storage"


class NotSyncedError(StorageError):
    """The commit is there, but the disk failed to confirm that it is durable: check the dataset."""


def near(word: str, candidates: Iterable[str]) -> str:
    """A hint to append to a message: `''`, or ` Did you mean "x" or "y"?` (at most three names)."""
    folded = {name.casefold(): name for name in candidates}
    matches = difflib.get_close_matches(word.casefold(), list(folded), n=3)
    if not matches:
        return ""
    names = " or ".join(f'"{folded[match]}"' for match in matches)
    return f" Did you mean {names}?"
