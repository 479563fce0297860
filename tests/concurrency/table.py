"""The conflict table of docs/concurrency.md, as the tests read it."""

from __future__ import annotations

from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "concurrency.md"
CELLS = ("both", "row", "key", "cell", "no", "name")


def conflict_table() -> dict[tuple[str, str], str]:
    """What happens to the second writer, by (its operation, the operation committed meanwhile)."""
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("| second \\ first |"))
    columns = _cells(lines[start])[1:]
    out: dict[tuple[str, str], str] = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        second, *cells = _cells(line)
        for first, cell in zip(columns, cells, strict=True):
            assert cell in CELLS, f"{second} after {first}: {cell!r}"
            out[second, first] = cell
    return out


def _cells(line: str) -> list[str]:
    return [cell.strip(" *`") for cell in line.strip().strip("|").split("|")]
