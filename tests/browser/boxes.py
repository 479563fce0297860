"""The datasets of a BI tool's screenshots: real exports of Label Studio in two versions, with their pictures."""

from __future__ import annotations

from pathlib import Path

import space_sql

EXPORTS = Path(__file__).parents[1] / "data/label_studio/boxes"


def make(folder: Path) -> None:
    """Make `tasks`, `annotations`, `regions` and the materialized view `label_counts` below a folder."""
    with space_sql.connect() as con:
        con.execute("SET VARIABLE space_sync = false")
        for version in ("v1", "v2"):
            con.execute(
                "CALL space_import_label_studio($folder, $export, media => 'image', media_root => $images)",
                {
                    "folder": str(folder),
                    "export": str(EXPORTS / f"{version}.json"),
                    "images": str(EXPORTS / "images"),
                },
            )
            for name in ("tasks", "annotations", "regions"):
                con.execute("CALL space_tag($path, $tag)", {"path": str(folder / name), "tag": version})
        regions = str(folder / "regions")
        for column, comment in _COMMENTS.items():
            con.execute(
                "CALL space_set_comment($path, $comment, column_name => $column)",
                {"path": regions, "comment": comment, "column": column},
            )
        con.execute(
            "CALL space_set_comment($path, 'One row per box, choice, span or text of an annotation')", {"path": regions}
        )
        con.execute(
            "CALL space_materialize($path, $query)",
            {
                "path": str(folder / "label_counts"),
                "query": f"SELECT label, count(*) AS boxes FROM space_scan('{regions}') WHERE kind = 'rectanglelabels' "
                "GROUP BY label",
            },
        )


_COMMENTS = {
    "label": "what the annotator saw",
    "width": "percent of the picture's width",
    "annotator": "who drew it",
}
