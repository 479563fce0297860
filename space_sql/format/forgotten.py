"""Forgotten rows: positions of data files that belong to no snapshot, whatever its entry says.

Source: docs/format.md, section "Forgetting".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from space_sql.format.paths import checked
from space_sql.format.records import record_path
from space_sql.format.shape import count, items

Json = dict[str, Any]


@dataclass(frozen=True)
class Forgotten:
    """The forgotten rows of one data file: where their positions are, and how many they are.

    ``overlaps`` says for files of deleted positions how many of these rows they list too.
    """

    path: str
    bytes: int
    rows: int
    overlaps: Mapping[str, int] = field(default_factory=dict)

    def encode(self) -> Json:
        """As it stands in a data file record."""
        out: Json = {"path": self.path, "bytes": self.bytes, "rows": self.rows}
        if self.overlaps:
            out["overlaps"] = dict(self.overlaps)
        return out

    @staticmethod
    def decode(data: Json) -> Forgotten:
        """Read it from the log."""
        overlaps = {checked(path): count(rows) for path, rows in data.get("overlaps", {}).items()}
        return Forgotten(checked(data["path"]), count(data["bytes"]), count(data["rows"]), overlaps)


@dataclass(frozen=True)
class Forgetting:
    """What an entry of the log forgets, and what is left to do until no byte of it remains.

    ``files`` are the forgotten rows by the number of their data file; ``replaced`` the data files that are written
    anew without them, ``records`` the record files; ``texts`` the entries whose author, message and commit key are
    blotted out; ``report`` is what its caller was told.
    """

    path: str
    rows: int
    bytes: int
    crc32: int
    files: Mapping[int, Forgotten]
    replaced: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    texts: tuple[int, ...] = ()
    report: Json = field(default_factory=dict)

    def encode(self) -> Json:
        """As it stands in the log."""
        return {
            "path": self.path,
            "rows": self.rows,
            "bytes": self.bytes,
            "crc32": self.crc32,
            "files": {str(n): {"rows": f.rows, "overlaps": dict(f.overlaps)} for n, f in self.files.items()},
            "replaced": list(self.replaced),
            "records": list(self.records),
            "texts": list(self.texts),
            "report": self.report,
        }

    @staticmethod
    def decode(data: Json) -> Forgetting:
        """Read it from the log."""
        path, size = (checked(data["path"]) if data["path"] else ""), count(data["bytes"])
        files = {
            int(number): Forgotten.decode({"path": path, "bytes": size, **of}) for number, of in data["files"].items()
        }
        return Forgetting(
            path,
            count(data["rows"]),
            size,
            count(data["crc32"]),
            files,
            tuple(checked(p) for p in items(data["replaced"])),
            tuple(record_path(p) for p in items(data["records"])),
            tuple(map(count, items(data["texts"]))),
            dict(data["report"]),
        )
