"""A reader of datasets, written from docs/format.md alone: JSON, SHA-256, Parquet, ArrayRecord, none of our code."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from array_record.python import array_record_module

RECORD_FILE = re.compile(r"records/[A-Za-z0-9_-]{1,80}/[0-9a-f-]{36}\.array_record")

TOKEN = re.compile(r""""(?:[^"]|"")*"|'(?:[^']|'')*'|.""", re.DOTALL)
NUMBERS_AS_TEXT = ("HUGEINT", "UHUGEINT", "BIGNUM")
AS_TEXT = (*NUMBERS_AS_TEXT, "BIT", "TIME WITH TIME ZONE", "INTERVAL", "GEOMETRY", '"NULL"')


class Reader:
    """A dataset folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        assert json.loads((root / "space.json").read_bytes())["format"] <= 1
        ids = sorted(int(path.stem) for path in (root / "log").iterdir() if re.fullmatch(r"\d{20}\.json", path.name))
        assert ids == list(range(len(ids))), "ids have no gaps"
        self.entries = [self.entry(i) for i in ids]

    def entry(self, snapshot_id: int) -> dict[str, Any]:
        raw = (self.root / f"log/{snapshot_id:020d}.json").read_bytes()
        entry = json.loads(raw)
        assert entry["format"] <= 1
        text, _, tail = raw.rpartition(b',"checksum":"')
        assert tail == hashlib.sha256(text).hexdigest().encode() + b'"}'
        assert entry["snapshot_id"] == snapshot_id
        return entry

    def refs(self, until: int | None = None) -> dict[str, dict[str, int]]:
        refs: dict[str, dict[str, int]] = {"branch": {}, "tag": {}}
        for entry in self.entries[: None if until is None else until + 1]:
            if not any(m in entry for m in ("refs", "forgets", "forgot")):
                assert entry["parent_id"] == refs["branch"].get(entry["branch"])
                refs["branch"][entry["branch"]] = entry["snapshot_id"]
            for ref in entry.get("refs", ()):
                refs[ref["kind"]].pop(ref["name"], None)
                if ref["snapshot_id"] is not None:
                    refs[ref["kind"]][ref["name"]] = ref["snapshot_id"]
        return refs

    def resolve(self, version: str) -> int:
        name, _, steps = version.partition("~")
        refs = self.refs()
        found = int(name) if name.isdecimal() else {**refs["branch"], **refs["tag"]}[name]
        if any(m in self.entries[found] for m in ("refs", "forgets", "forgot")):
            found = self.entries[found]["parent_id"]
        for _ in range(int(steps or 0)):
            found = self.entries[found]["parent_id"]
        return found

    def state(self, snapshot_id: int) -> tuple[dict[str, Any], dict[int, dict[str, Any]]]:
        """The schema, and data file records by number with all their deletes."""
        chain = []
        at: int | None = snapshot_id
        while at is not None:
            chain.append(self.entries[at])
            at = self.entries[at]["parent_id"]
        schema: dict[str, Any] = {}
        files: dict[int, dict[str, Any]] = {}
        for entry in reversed(chain):
            apply(entry, files)
            schema = entry.get("schema", schema)
        return schema, files

    def rows(self, version: str) -> list[tuple[Any, ...]]:
        schema, files = self.state(self.resolve(version))
        return [row for file in files.values() for row in self.file_rows(schema, file)]

    def file_rows(self, schema: dict[str, Any], file: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
        table = pq.read_table(self.root / checked(file["path"]))
        assert len(table) == file["rows"]
        ids = [int(field.metadata[b"PARQUET:field_id"]) for field in table.schema]
        columns = []
        for column in schema["columns"]:
            type_ = parse(column["type"])
            values: list[Any] = (
                table.column(ids.index(column["id"])).to_pylist() if column["id"] in ids else [None] * len(table)
            )
            if column["id"] in schema["record_fields"]:
                values = [self.record(address, type_, file) for address in values]
            columns.append([converted(value, type_) for value in values])
        gone: set[int] = set()
        for deletes in file.get("deletes", ()):
            positions = pq.read_table(self.root / checked(deletes["path"]))
            pairs = zip(positions["file"].to_pylist(), positions["pos"].to_pylist(), strict=True)
            here = {pos for number, pos in pairs if number == file["number"]}
            assert len(here) == deletes["targets"][str(file["number"])]
            assert not here & gone
            gone |= here
        for forgotten in file.get("forgotten", ()):
            positions = pq.read_table(self.root / checked(forgotten["path"]))
            pairs = zip(positions["file"].to_pylist(), positions["pos"].to_pylist(), strict=True)
            here = {pos for number, pos in pairs if number == file["number"]}
            assert len(here) == forgotten["rows"]
            known = {d["path"] for d in file.get("deletes", ())}
            assert len(here & gone) == sum(n for p, n in forgotten.get("overlaps", {}).items() if p in known)
            gone |= here
        return (row for pos, row in enumerate(zip(*columns, strict=True)) if pos not in gone)

    def record(self, address: dict[str, Any] | None, type_: str, file: dict[str, Any]) -> Any:
        if address is None:
            return None
        listed = {record["path"]: record for record in file["records"]}[address["file"]]
        path = self.root / address["file"]
        assert RECORD_FILE.fullmatch(address["file"])
        assert path.stat().st_size == listed["bytes"]
        reader = array_record_module.ArrayRecordReader(str(path))
        assert reader.num_records() == listed["rows"]
        (value,) = reader.read([address["row"]])
        assert len(value) == address["bytes"]
        assert hashlib.sha256(value).digest()[:16] == address["hash"]
        return value.decode() if type_ == "VARCHAR" else value

    def checkpoint(self, snapshot_id: int) -> dict[str, list[tuple[int, Any, Any]]]:
        """Rows of a checkpoint by kind: id, heads and payload."""
        out: dict[str, list[tuple[int, Any, Any]]] = {"meta": [], "head": [], "file": [], "history": []}
        for row in pq.read_table(self.root / f"log/{snapshot_id:020d}.checkpoint.parquet").to_pylist():
            out[row["kind"]].append((row["id"], row["heads"], json.loads(row["payload"])))
        return out


def apply(entry: dict[str, Any], files: dict[int, dict[str, Any]]) -> None:
    for number in entry["files_removed"]:
        del files[number]
    for deletes in entry["deletes_added"]:
        for number in map(int, deletes["targets"]):
            files[number] = {**files[number], "deletes": [*files[number].get("deletes", ()), deletes]}
    for added in entry["files_added"]:
        assert added["number"] not in files
        files[added["number"]] = added
    rewrites = entry.get("rewrites", {"removed": [], "added": []})
    for number in rewrites["removed"]:
        del files[number]
    files.update((added["number"], added) for added in rewrites["added"])
    for merged in entry.get("deletes_merged", ()):
        for number in map(int, merged["added"]["targets"]):
            kept = [d for d in files[number]["deletes"] if d["path"] not in merged["removed"]]
            files[number] = {**files[number], "deletes": [*kept, merged["added"]]}


def checked(path: str) -> str:
    assert not re.search(r"^/|(^|/)\.\.(/|$)|[\\\0]", path)
    return path


def parse(text: str) -> Any:
    """A type: text for scalars, ("[]", type), ("MAP", key, value) or ("STRUCT", {name: type})."""
    if text.endswith("]"):
        return "[]", parse(text[: text.rindex("[")])
    if text.startswith("MAP("):
        return "MAP", *map(parse, parts(text[4:-1]))
    if text.startswith("STRUCT("):
        fields = [TOKEN.match(part) for part in parts(text[7:-1])]
        return "STRUCT", {f[0][1:-1].replace('""', '"'): parse(f.string[f.end() + 1 :]) for f in fields if f}
    return text


def parts(text: str) -> list[str]:
    found, depth = [""], 0
    for token in TOKEN.findall(text):
        depth += (token in "([") - (token in ")]")
        if token == "," and not depth:
            found.append("")
        else:
            found[-1] += token
    return [part.strip() for part in found]


def converted(value: Any, type_: Any) -> Any:
    """A stored value of an earlier type as the snapshot's type stores it; a map is a list of pairs."""
    if value is None:
        return None
    match type_:
        case ("[]", element):
            return [converted(v, element) for v in value]
        case ("MAP", key, item):
            pairs = [(k, v) for k, v in value.items() if v is not None] if isinstance(value, dict) else value
            return [(converted(k, key), converted(v, item)) for k, v in pairs]
        case ("STRUCT", fields):
            folded = {name.casefold(): v for name, v in value.items()}
            return {name: converted(folded.get(name.casefold()), field) for name, field in fields.items()}
    if type_ in NUMBERS_AS_TEXT:
        return str(value)
    if type_ in ("FLOAT", "DOUBLE"):
        return float(value)
    if type_.startswith("DECIMAL"):
        return Decimal(value)
    if type_ == "TIMESTAMP WITH TIME ZONE":
        return value.astimezone(dt.UTC)
    if type_.startswith("TIMESTAMP") and not isinstance(value, dt.datetime):
        return dt.datetime.combine(value, dt.time())
    return value


def stored(type_: Any) -> str:
    """The type that values of a type are stored as, as DuckDB spells it."""
    match type_:
        case ("[]", element):
            return stored(element) + "[]"
        case ("MAP", key, item):
            return f"MAP({stored(key)}, {stored(item)})"
        case ("STRUCT", fields):
            inside = [f'"{name.replace(chr(34), chr(34) * 2)}" {stored(field)}' for name, field in fields.items()]
            return f"STRUCT({', '.join(inside)})"
    if type_ in ("TIMESTAMP_S", "TIMESTAMP_MS"):
        return "TIMESTAMP"
    return "VARCHAR" if type_ in AS_TEXT or type_.startswith("ENUM(") else type_
