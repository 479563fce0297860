"""The datasets of the screenshots: pictures with labels, reviewed on a branch, and some numbers a day."""

from __future__ import annotations

import random
import struct
import zlib
from pathlib import Path

import pyarrow as pa

import space_sql

_LABELS = ("cat", "dog", "fox", "owl", "cow", "bee")
_ROWS = 240


def make(folder: Path) -> None:
    """Make them below a folder."""
    dice = random.Random(7)
    table = pa.table(
        {
            "id": range(_ROWS),
            "label": [dice.choices(_LABELS, [9, 7, 4, 2, 2, 1])[0] for _ in range(_ROWS)],
            "score": [round(min(1.0, max(0.0, dice.gauss(0.72, 0.16))), 3) for _ in range(_ROWS)],
            "width": [dice.choice((640, 800, 1024)) for _ in range(_ROWS)],
            "seen": [f"2026-0{dice.randrange(1, 9)}-1{dice.randrange(10)} 12:00:00" for _ in range(_ROWS)],
            "note": [None if i % 3 else "ok" for i in range(_ROWS)],
            "image": [_picture(dice) for _ in range(_ROWS)],
        }
    )
    with space_sql.connect() as con:
        con.execute("SET VARIABLE space_sync = false")
        con.register("pictures", table)
        paths = {name: str(folder / name) for name in ("animals", "labels/per_day", "label_counts", '<b>"awkward"</b>')}
        for statement, name in _STATEMENTS:
            con.execute(statement.replace("$path", "'" + paths[name] + "'").replace("$animals", paths["animals"]))


_STATEMENTS = (
    (
        "CALL space_create($path, source => 'SELECT * REPLACE (seen::TIMESTAMP AS seen) FROM pictures', "
        "primary_keys => ['id'], record_fields => ['image'], message => 'first export', author => 'ana')",
        "animals",
    ),
    ("CALL space_tag($path, 'v1')", "animals"),
    (
        "CALL space_update($path, 'label = ''fox''', 'label = ''dog'' AND score < 0.5', "
        "message => 'second look at the doubtful', author => 'ben')",
        "animals",
    ),
    ("CALL space_branch($path, 'review')", "animals"),
    (
        "CALL space_delete($path, 'score < 0.4', branch => 'review', message => 'too blurred', author => 'cleo')",
        "animals",
    ),
    (
        "CALL space_upsert($path, 'SELECT 1000 + range AS id, ''owl'' AS label, 0.9 AS score, 800 AS width "
        "FROM range(12)', message => 'night shift', author => 'ana')",
        "animals",
    ),
    (
        "CALL space_update($path, 'note = ''checked''', 'id % 5 = 0', branch => 'review', author => 'cleo', "
        "message => 'every fifth')",
        "animals",
    ),
    ("CALL space_merge($path, 'review', message => 'review is done', author => 'ben')", "animals"),
    ("CALL space_tag($path, 'v2')", "animals"),
    ("CALL space_add_column($path, 'reviewer VARCHAR')", "animals"),
    ("CALL space_update($path, 'reviewer = ''cleo''', 'note = ''checked''', author => 'cleo')", "animals"),
    ("CALL space_set_comment($path, 'Animals in pictures, reviewed weekly')", "animals"),
    (
        "CALL space_set_comment($path, 'confidence of the first annotator, 0 to 1', column_name => 'score')",
        "animals",
    ),
    (
        "CALL space_create($path, source => 'SELECT DATE ''2026-01-01'' + range::INTEGER AS day, "
        "(50 + 40 * sin(range / 6.0) + range)::INTEGER AS labels FROM range(60)', primary_keys => ['day'])",
        "labels/per_day",
    ),
    (
        "CALL space_materialize($path, 'SELECT label, count(*) AS n, avg(score) AS score "
        "FROM space_scan(''$animals'') GROUP BY label')",
        "label_counts",
    ),
    (
        "CALL space_create($path, source => 'SELECT 1 AS id, ''<img src=x onerror=alert(1)>'' AS \"<i>name</i>\"', "
        "primary_keys => ['id'])",
        '<b>"awkward"</b>',
    ),
)


def _picture(dice: random.Random, width: int = 48, height: int = 36) -> bytes:
    """A PNG of a few discs."""
    ground = [dice.randrange(40, 220) for _ in range(3)]
    discs = [
        (dice.randrange(width), dice.randrange(height), dice.randrange(3, 12), [dice.randrange(256) for _ in range(3)])
        for _ in range(4)
    ]
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        for x in range(width):
            inside = [c for cx, cy, r, c in discs if (x - cx) ** 2 + (y - cy) ** 2 <= r * r]
            rows += bytes(inside[-1] if inside else ground)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
