"""What a case does, step by step; each is SQL that could stand in a `.test` file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

FOLDER = "${TEST_DIR}"
_SCAN = re.compile(r"space_scan\('\$\{TEST_DIR\}/(\w+)'\)", re.IGNORECASE)
_VIEW = re.compile(r'\b(view_\d+)\b(?!")')


@dataclass(frozen=True)
class Step:
    """A step: ``kind`` is write, view, materialize or refresh; ``name`` what it is done to.

    ``text`` is the SQL of a write, the query of a view or of what is materialized, and for a refresh its
    arguments behind the path; ``by`` is the view that is materialized, if it is not the query itself, and ``more`` are
    arguments behind it.
    """

    kind: str
    name: str
    text: str
    by: str | None = None
    more: str = ""

    @property
    def sql(self) -> str:
        """The statement, with the folder as in a `.test` file."""
        match self.kind:
            case "view":
                return f"CREATE VIEW {self.name} AS {self.text}"
            case "materialize":
                definition = f"'{self.by}'" if self.by else f"$view${self.text}$view$"
                return f"CALL space_materialize('{FOLDER}/{self.name}', {definition}{self.more})"
            case "refresh":
                return f"CALL space_refresh('{FOLDER}/{self.name}'{self.text})"
        return self.text


def scan(name: str) -> str:
    """The rows of a dataset or materialized view of the case."""
    return f"space_scan('{FOLDER}/{name}')"


def sources(query: str) -> list[str]:
    """The names that a query scans."""
    return sorted(set(_SCAN.findall(query)))


def expanded(query: str, views: Mapping[str, str]) -> str:
    """A query with the text of the views in it."""
    return _VIEW.sub(lambda m: f"({expanded(views[m[1]], views)})" if m[1] in views else m[0], query)


def pinned(query: str, versions: Mapping[str, object]) -> str:
    """A query over its sources at versions; those without one stay as they are."""

    def at(found: re.Match[str]) -> str:
        version = f", version => '{versions[found[1]]}'" if found[1] in versions else ""
        return f"space_scan('{FOLDER}/{found[1]}'{version})"

    return _SCAN.sub(at, query)
