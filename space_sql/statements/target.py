"""Which string in a statement is a dataset: ``'path'``, or ``'path@version'``."""

from __future__ import annotations

import os
from dataclasses import dataclass

from space_sql.format.paths import MARKER
from space_sql.format.types import quote_literal


@dataclass(frozen=True)
class Call:
    """A write as the function that does it; the dataset's path is its first argument."""

    function: str
    path: str
    arguments: tuple[str, ...]
    branch: str | None

    @property
    def sql(self) -> str:
        """The call."""
        given = [quote_literal(self.path), *map(quote_literal, self.arguments)]
        if self.branch is not None:
            given.append(f"branch => {quote_literal(self.branch)}")
        return f"{self.function}({', '.join(given)})"


@dataclass(frozen=True)
class Target:
    """A dataset's folder and the version after the ``@``, if there is one."""

    path: str
    version: str | None

    def call(self, function: str, *arguments: str) -> Call:
        """A write to it: its version is a branch."""
        return Call(function, self.path, arguments, self.version)

    def scan(self, *arguments: str) -> str:
        """A read of it."""
        given = [quote_literal(self.path), *arguments]
        if self.version is not None:
            given.append(f"version => {quote_literal(self.version)}")
        return f"space_scan({', '.join(given)})"

    def schema(self) -> str:
        """A query for ``column_name, primary_key``."""
        version = "" if self.version is None else f", version => {quote_literal(self.version)}"
        return f"SELECT column_name, primary_key FROM space_schema({quote_literal(self.path)}{version})"


def _is_dataset(path: str) -> bool:
    return bool(path) and "\0" not in path and os.path.exists(os.path.join(path, MARKER))


def target(text: str) -> Target | None:
    """The dataset that a string names; a folder whose own name holds an ``@`` comes first. None: there is none."""
    if _is_dataset(text):
        return Target(text, None)
    path, found, version = text.rpartition("@")
    return Target(path, version) if found and version and _is_dataset(path) else None


def meant(text: str) -> Target | None:
    """Like `target`; and what only a path can be, so that a wrong one is told by the function that gets it."""
    found = target(text)
    if found is None and ("/" in text or os.path.isdir(text)):
        path, sign, version = text.rpartition("@")
        found = Target(path, version) if sign and path and "/" not in version else Target(text, None)
    return found
