"""Writes docs/reference.md from the header comments of sql/macros: `python docs/reference.py`.

A header says, in this order: signature, kind, what the function does, Arguments, what it Returns, Errors, Example.
Each example is run on the datasets of SETUP, and what its last statement gives is shown.
"""

from __future__ import annotations

import io
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

import space_sql
from space_sql.cli.output import Format, print_result
from space_sql.functions.catalogue import CHANGES, EXCHANGE, READS, UPKEEP, VALUES, WRITES

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs/reference.md"
WIDTH = 110

SETUP = """\
CALL space_create('annotations', primary_keys => ['id'], message => 'first export',
  source => 'FROM (VALUES (1, ''cat'', 0.9), (2, ''dog'', 0.8), (3, ''cow'', 0.4)) t(id, label, score)');
CALL space_tag('annotations', 'v1');
CALL space_update('annotations', 'label = ''fox''', 'id = 2', message => 'second look');
CALL space_upsert('annotations', 'SELECT 4 AS id, ''owl'' AS label, 0.7 AS score');

CALL space_create('points', columns => 'id BIGINT, label VARCHAR', primary_keys => ['id']);
CALL space_insert('points', 'FROM (VALUES (1, ''star''), (2, ''cross''), (3, ''circle'')) t(id, label)');

CALL space_create('scans', primary_keys => ['id'], record_fields => ['image'],
  source => 'SELECT range AS id, (''pixels of '' || range)::BLOB AS image FROM range(3)');
"""

INTRO = f"""\
# Function reference

This page is written by `make docs` from the headers of `sql/macros`. [sql.md](sql.md) tells how the functions fit together.

`CALL f(…)`, `FROM f(…)` and `SELECT … FROM f(…)` all work for every function. Arguments go by position or by name, with `=>` or `:=`. An error is one line, `kind: message`; the kinds are told in [sql.md](sql.md#errors).

The examples run on three datasets:

```sql
{SETUP}```
"""  # noqa: E501

VALUES_INTRO = """\
These compute one value, and stand where an expression does. They serve record fields, which [sql.md](sql.md#records) explains.
"""  # noqa: E501

WRITES_INTRO = """\
Each call writes exactly one snapshot, or none when nothing changes, and returns one row:

| column | type | |
|---|---|---|
| `snapshot_id` | BIGINT | the snapshot that it wrote, or the one that stands when nothing changed |
| `operation` | VARCHAR | the function's name without `space_` |
| `rows_inserted` | BIGINT | rows that it added |
| `rows_updated` | BIGINT | rows that it changed |
| `rows_deleted` | BIGINT | rows that it took out |

The `…` in a signature stands for the arguments of every write:

| argument | |
|---|---|
| `branch` | the branch to write to; omitted, the session's (`SET VARIABLE space_branch = 'dev'`), else `main` |
| `message` | why, for the history |
| `author` | who, for the history |
| `expected_snapshot` | compare and swap: a `conflict`, unless this snapshot id is the head of the branch |
| `commit_key` | a name for this commit: when a commit of that name is there, nothing happens and its result is returned, so a job can be run again |
"""  # noqa: E501

UPKEEP_INTRO = """\
These keep a dataset fast and small over the years. None of them but `space_forget` changes a row of a version that can be read. They return columns of their own, and with `dry_run => true` they only tell what they would do. The `…` stands for the arguments of every write.
"""  # noqa: E501

EXCHANGE_INTRO = """\
These bring in what other tools have, and hand out what they take. They return columns of their own. The `…` stands for `branch`, `message` and `author`, as in a write.
"""  # noqa: E501


@dataclass
class Entry:
    """A header, taken apart."""

    name: str
    signature: str
    kind: str
    text: str
    returns: str = ""
    arguments: list[tuple[str, str]] = field(default_factory=list)
    columns: list[tuple[str, str]] = field(default_factory=list)
    errors: list[tuple[str, str]] = field(default_factory=list)
    example: str = ""


def entry(name: str) -> Entry:
    """The header of a function's macro."""
    source = (ROOT / f"sql/macros/{name}.sql").read_text(encoding="utf-8")
    lines = [line[2:].removeprefix(" ") for line in source.partition("CREATE OR REPLACE")[0].splitlines()]
    signature, kind, *rest = lines
    found = Entry(name, signature, kind.removeprefix("kind: "), "")
    section, text = "text", []
    for line in rest:
        if line in ("Arguments:", "Errors:", "Example:") or line.startswith("Returns "):
            section = line.split()[0].rstrip(":").lower()
            if section == "returns":
                found.returns = line
        elif section == "text":
            text.append(line)
        elif section == "example":
            found.example += line[2:] + "\n"
        else:
            pairs = {"arguments": found.arguments, "returns": found.columns, "errors": found.errors}[section]
            key, _, meaning = line[2:].partition(": ")
            pairs.append((key, meaning))
    found.text = " ".join(text)
    return found


def output(example: str) -> str:
    """What the last statement of an example gives, on fresh datasets."""
    with TemporaryDirectory() as folder, chdir(folder), space_sql.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        for statement in con.extract_statements(SETUP + example):
            con.execute(statement)
        written = io.StringIO()
        print_result(con, Format.table, Console(file=written, width=WIDTH, highlight=False))
    return "".join(f"{line.rstrip()}\n" for line in written.getvalue().splitlines())


def page_of(found: Entry) -> str:
    """A function's section of the page."""
    parts = [f"### {found.name}", f"`{found.signature}`", found.text]
    arguments = [f"| `{name}` | {meaning} |" for name, meaning in found.arguments]
    parts.append("\n".join(["| argument | |", "|---|---|", *arguments]))
    if found.kind != "write":
        parts.append(found.returns)
    if found.columns:
        rows = [
            f"| `{key.split(' ')[0]}` | {' '.join(key.split(' ')[1:])} | {meaning} |" for key, meaning in found.columns
        ]
        parts.append("\n".join(["| column | type | |", "|---|---|---|", *rows]))
    parts.append(
        "\n".join(["| error | when |", "|---|---|", *(f"| `{kind}` | {when} |" for kind, when in found.errors)])
    )
    parts.append(f"```sql\n{found.example}```")
    parts.append(f"```text\n{output(found.example)}```")
    return "\n\n".join(parts) + "\n"


def reference() -> str:
    """The whole page."""
    reads = [page_of(entry(name)) for name in READS]
    values = [page_of(entry(name)) for name in VALUES]
    writes = [page_of(entry(name)) for name in (*WRITES, *CHANGES)]
    upkeep = [page_of(entry(name)) for name in UPKEEP]
    exchange = [page_of(entry(name)) for name in EXCHANGE]
    return "\n".join(
        [
            INTRO,
            "## Read\n",
            *reads,
            "## Values\n",
            VALUES_INTRO,
            *values,
            "## Write\n",
            WRITES_INTRO,
            *writes,
            "## Upkeep\n",
            UPKEEP_INTRO,
            *upkeep,
            "## Exchange\n",
            EXCHANGE_INTRO,
            *exchange,
        ]
    )


if __name__ == "__main__":
    REFERENCE.write_text(reference(), encoding="utf-8")
