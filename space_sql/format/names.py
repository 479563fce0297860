"""Names that users choose: tags, branches and columns, and the versions that point at them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from space_sql.errors import InvalidInputError

MAIN = "main"
RESERVED_PREFIX = "_space_"

_REF = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_VERSION = re.compile(r"(?P<name>.+?)(?:~(?P<steps>[0-9]+))?", re.DOTALL)


def check_ref(name: str | None, what: str) -> str:
    """Return a valid tag or branch name; raise InvalidInputError otherwise."""
    if not name:
        raise InvalidInputError(f"a {what} name is required")
    if not _REF.fullmatch(name) or ".." in name or "//" in name or name.endswith("/"):
        raise InvalidInputError(
            f"{name!r} is not a {what} name: start with a letter or _, go on with letters, digits, "
            "_ . / - and without '..', '//' or a trailing '/'"
        )
    return name


def check_column(name: str) -> str:
    """Return a valid column name; raise InvalidInputError for an empty or reserved one."""
    if not name:
        raise InvalidInputError("a column name cannot be empty")
    if name.casefold().startswith(RESERVED_PREFIX):
        raise InvalidInputError(
            f'column "{name}" starts with {RESERVED_PREFIX}, which is reserved; rename it in the source '
            "(SELECT … AS other_name)"
        )
    if "\x00" in name:
        raise InvalidInputError("a column name cannot hold a NUL character")
    return name


@dataclass(frozen=True)
class Version:
    """A parsed version: a snapshot id or a ref name, and how many parents to go back."""

    name: str
    steps: int

    @property
    def snapshot_id(self) -> int | None:
        """The id when the version is a number, else None."""
        return int(self.name) if self.name.isdecimal() and self.name.isascii() and len(self.name) < 1000 else None


def parse_version(text: str) -> Version:
    """Split ``branch~N`` into its parts."""
    match = _VERSION.fullmatch(text)
    if match is None:
        raise InvalidInputError("a version cannot be empty: give a snapshot id, tag, branch or branch~N")
    steps = match["steps"] or "0"
    if len(steps) > 18:
        raise InvalidInputError(f"{text[:40]!r} goes back further than any history is long")
    return Version(match["name"], int(steps))
