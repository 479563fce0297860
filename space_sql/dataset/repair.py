"""Repair: what can be made anew from the log alone. It never guesses at data."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from space_sql.dataset.dataset import Dataset
from space_sql.dataset.erase import finish
from space_sql.dataset.vacuum import LEAST_AGE, unneeded
from space_sql.dataset.verify import Finding, findings
from space_sql.format.paths import MARKER, entry_id
from space_sql.storage import files


@dataclass(frozen=True)
class Action:
    """What was done, or would be."""

    action: str
    file: str
    reason: str


def repair(dataset: Dataset, *, sync: bool, dry_run: bool) -> Iterator[Action]:
    """Write checkpoints anew that are missing, damaged or wrong, and remove what nothing refers to.

    Findings that only a copy can mend are ``left``. What a forget left to do is done when nothing else is wrong.
    """
    wrong = list(findings(dataset, deep=False))
    for finding in wrong:
        if finding.kind == "forget":
            if all(f.kind in ("forget", "checkpoint", "wrong-size") for f in wrong):
                if not dry_run:
                    with files.locked(dataset.root / MARKER, "space_forget"):
                        finish(dataset, sync=sync)
                yield Action("finished", finding.file, finding.finding)
            else:
                yield Action("left", finding.file, f"{finding.finding}: mend the rest first")
        elif finding.kind != "checkpoint":
            yield Action("left", finding.file, f"{finding.finding}: {finding.remedy}")
        elif dry_run or _write_anew(dataset, finding, sync=sync):
            yield Action("rewritten", finding.file, finding.finding)
    if any(f.severity == "error" for f in findings(dataset, deep=False)):
        return  # what looks like a leftover may be what is missing elsewhere
    before = int((time.time() - LEAST_AGE) * 1e6)
    for file in unneeded(dataset.view(), before):
        if file.reason == "leftover":
            if not dry_run:
                files.remove_quietly(dataset.root / file.path)
            yield Action("removed", file.path, "no commit names it")


def _write_anew(dataset: Dataset, finding: Finding, *, sync: bool) -> bool:
    """Whether the checkpoint could be written."""
    full = dataset.root / finding.file
    snapshot_id = entry_id(full.name.replace(".checkpoint.parquet", ".json"))
    files.remove_quietly(full)
    dataset.log.forget()  # what was read from the wrong one
    return snapshot_id is not None and dataset.log.write_checkpoint(snapshot_id, sync=sync)
