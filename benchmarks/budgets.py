"""The rows of the table: what is measured, and what it may cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Pick = Literal["least", "median"]


@dataclass(frozen=True)
class Row:
    """A row of the table, from the samples of one step.

    Repetitions of one thing are told by the ``least``, a series of commits by its ``median``; ``last``
    or ``first`` take that many samples of the series. ``ratio`` is the budget against the raw peer,
    by DuckDB line where it depends on that; ``seconds`` is an absolute one. Without either the row is
    for information. The label may name the sizes of the run.
    """

    label: str
    workload: str
    step: str
    pick: Pick = "least"
    first: int | None = None
    last: int | None = None
    measure: str = "seconds"
    ratio: float | None = None
    ratios: Mapping[str, float] = field(default_factory=dict)
    seconds: float | None = None

    def ratio_on(self, line: str) -> float | None:
        """The budget against raw on a DuckDB line."""
        return self.ratios.get(line, self.ratio)


ROWS = (
    Row("aggregate by label", "scan", "aggregate", ratio=1.1),
    Row("filter on a column without order", "scan", "filter", ratio=1.1),
    Row("one column to Arrow", "scan", "column", ratio=1.1),
    Row("`id = k`", "lookup", "key", ratio=1.5),
    Row("0.1 % of the rows by `id`", "lookup", "range", ratio=1.5),
    Row("append {rows:,} rows, synced", "append", "synced", ratios={"2.0": 1.6, "1.5": 3.2}),
    Row("append {rows:,} rows, not synced", "append", "unsynced"),
    Row("bytes of that table", "append", "bytes", measure="bytes", ratio=1.2),
    Row("commit of {batch} rows, first 20", "commit", "unsynced", "median", first=20, seconds=0.008),
    Row("commit of {batch} rows, last 20 of {short:,}", "commit", "unsynced", "median", last=20, seconds=0.008),
    Row("commit of {batch} rows, last 20 of {commits:,}", "commit", "unsynced on", "median", last=20, seconds=0.008),
    Row("commit of {batch} rows, last 20 of {files:,}", "files", "build", "median", last=20, seconds=0.008),
    Row("commit of {batch} rows, synced, first 20", "commit", "synced", "median", first=20, seconds=0.025),
    Row("commit of {batch} rows, synced, last 20 of {short:,}", "commit", "synced", "median", last=20, seconds=0.025),
    Row("delete 1 % of {rows:,}", "mutate", "delete", seconds=0.060),
    Row("upsert 1 % + 1 %", "mutate", "upsert", seconds=0.120),
    Row("update 1 %", "mutate", "update", seconds=0.120),
    Row("aggregate after that", "mutate", "aggregate after", ratio=2),
    Row("`id = k` after that", "mutate", "key after"),
    Row("changes between the two versions", "mutate", "changes", seconds=0.020),
    Row("difference of the two versions", "mutate", "diff"),
    Row("compaction", "mutate", "compact", ratio=1.5),
    Row("aggregate after compaction", "mutate", "aggregate compacted", ratio=1.1),
    Row("`id = k` after compaction", "mutate", "key compacted", ratio=1.5),
    Row("merge of 100 rows changed on each side of {rows:,}", "merge", "merge"),
    Row("the same on a table of a tenth of the rows", "merge", "small merge"),
    Row("its conflicts, of which there are none", "merge", "conflicts"),
    Row("`id = k` after {short:,} small commits", "commit", "key after", seconds=0.010),
    Row("`count(*)` after {short:,} small commits", "commit", "count after"),
    Row("aggregate after {short:,} small commits", "commit", "aggregate after"),
    Row("`id = k` after {commits:,} small commits", "commit", "key at the end"),
    Row("{files:,} files: open", "files", "open", seconds=0.050),
    Row("{files:,} files: `id = k`", "files", "key", seconds=0.100),
    Row("append records of 16 KiB (raw: ArrayRecord and Parquet)", "records", "append", ratio=1.3),
    Row("aggregate beside records", "records", "aggregate", ratio=1.1),
    Row("record by key", "records", "key", seconds=0.002),
    Row("32 records at random, Python", "records", "random", seconds=0.0006),
    Row("all records in order, Python", "records", "all"),
    Row("8,000 records of 16 KiB in a shuffled epoch, 64 a batch", "training", "shuffled", seconds=0.133),
    Row("8,000 records of 16 KiB in order", "training", "in order", seconds=0.109),
    Row("8,000 records through PyTorch's DataLoader", "training", "0 workers"),
    Row("the same with 2 workers that are running", "training", "2 workers"),
    Row("append the same (raw: Parquet BLOBs)", "records", "blob append"),
    Row("record by key (raw: Parquet BLOBs)", "records", "blob key"),
    Row("32 records at random, SQL (raw: Parquet BLOBs)", "records", "blob random"),
    Row("import and first scan in a new process", "cold", "process", seconds=0.5),
)
