"""Rows as a table that fits its terminal: wide cells are cut with `…`, and middle columns left out if need be."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

_GAP = "  "
_NARROWEST = 8
_LONGEST_CELL = 1000


def print_table(
    console: Console,
    names: Sequence[str],
    rows: Sequence[Sequence[str | None]],
    right: Sequence[bool] = (),
    more: str = "",
) -> None:
    """Print rows of text (None is NULL) below their names.

    Arguments:
        right: for each column, whether it reads better aligned to the right (numbers); the left for all when empty.
        more: what to add where rows were left out, else ''.
    """
    heads = [_one_line(name) for name in names]
    cells = [[None if cell is None else _one_line(cell) for cell in row] for row in rows]
    natural = [max(map(cell_len, (head, *(row[i] or "NULL" for row in cells)))) for i, head in enumerate(heads)]
    shown, widths = fit(natural, console.width)

    def line(row: Sequence[str | None], style: str = "") -> Text:
        parts = []
        for at, width in zip(shown, widths, strict=True):
            cell = "…" if at is None else row[at]
            to_right = at is not None and any(right[at : at + 1])
            sized = _sized("NULL" if cell is None else cell, width, to_right)
            parts.append(Text(sized, "dim" if cell is None else style))
        joined = Text(_GAP).join(parts)
        joined.rstrip()
        return joined

    rule = Text(_GAP.join("─" * width for width in widths), "dim")
    for text in (line(heads, "bold"), rule, *map(line, cells)):
        console.print(text, soft_wrap=True)
    notes = ["no rows"] * (not rows) + [more] * bool(more)
    if None in shown:
        notes.append(f"{len(names) - len(shown) + 1} of {len(names)} columns left out")
    if notes:
        console.print(Text(f"({'; '.join(notes)})", "dim"), soft_wrap=True)


def fit(natural: Sequence[int], available: int) -> tuple[list[int | None], list[int]]:
    """Which columns to show in a width, None standing for those left out, and how wide.

    The widest columns are cut first; no column is cut below eight characters, instead the middle ones are left out.
    """
    shown: list[int | None] = []
    wanted: list[int] = []
    room = 0
    for kept in range(len(natural), 0, -1):
        front = (kept + 1) // 2
        left_out = [None] if kept < len(natural) else []
        shown = [*range(front), *left_out, *range(len(natural) - kept + front, len(natural))]
        wanted = [1 if at is None else natural[at] for at in shown]
        room = available - len(_GAP) * (len(shown) - 1)
        if sum(min(width, _NARROWEST) for width in wanted) <= room:
            break
    level = max(wanted, default=0)
    while level > _NARROWEST and sum(min(width, level) for width in wanted) > room:
        level -= 1
    return shown, [min(width, level) for width in wanted]


def _sized(cell: str, width: int, to_right: bool) -> str:
    length = cell_len(cell)
    if length > width:
        return set_cell_size(cell, width - 1) + "…"
    padding = " " * (width - length)
    return padding + cell if to_right else cell + padding


def _one_line(text: str) -> str:
    """Control characters made visible, and the text cut where no terminal could show more of it."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[:_LONGEST_CELL])
