"""Results of functions that a view calls: what they are results of, and where they are kept.

Source: docs/format.md, section "Computed results".
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from space_sql.errors import FormatError
from space_sql.format.paths import COMPUTED

_FILE = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.([0-9a-f]{8})\.arrow")


@dataclass(frozen=True)
class Called:
    """A function that a view calls, as it was when the rows were computed; types are DuckDB's.

    ``version`` None: nothing says when its results change.
    """

    name: str
    version: str | None
    parameters: tuple[str, ...]
    returns: str

    def encode(self) -> dict[str, Any]:
        """As the log has it."""
        return {
            "name": self.name,
            "version": self.version,
            "parameters": list(self.parameters),
            "returns": self.returns,
        }

    @staticmethod
    def decode(data: Mapping[str, Any]) -> Called:
        """Read it from the log."""
        try:
            return Called(data["name"], data["version"], tuple(data["parameters"]), data["returns"])
        except (KeyError, TypeError) as error:
            raise FormatError(f"a function of the view cannot be read: {error!r}") from error

    @cached_property
    def folder(self) -> str:
        """Where its results are, relative to the dataset's folder."""
        told = orjson.dumps([self.name.casefold(), self.version, list(self.parameters), self.returns])
        return f"{COMPUTED}/{hashlib.sha256(told).hexdigest()[:32]}"


def folders(view: Mapping[str, Any] | None) -> set[str]:
    """The folders of results that a view's definition, as the log has it, names."""
    return {Called.decode(told).folder for told in (view or {}).get("functions", ())}


def new_name(crc32: int) -> str:
    """A fresh name for a file of results with that checksum."""
    return f"{uuid.uuid4()}.{crc32:08x}.arrow"


def checksum(name: str) -> int | None:
    """The checksum that a file's name says; None when it is no file of results."""
    found = _FILE.fullmatch(name)
    return int(found[1], 16) if found else None
