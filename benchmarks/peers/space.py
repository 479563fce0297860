"""Space SQL, as its users call it: every operation is one SQL statement."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import duckdb
from rows import COLUMNS

import space_sql
from peers.peer import Peer, Unsupported
from space_sql.storage.records import RecordFiles
from space_sql.training import open_dataset


class Space(Peer):
    """A dataset a table."""

    name = "space"
    keeps_records = True

    def connect(self) -> Any:
        """A prepared connection."""
        self._opened = 0
        return space_sql.connect()

    def versions(self) -> dict[str, str]:
        """Ours and DuckDB's."""
        import pyarrow

        return {"space_sql": space_sql.__version__, "duckdb": duckdb.__version__, "pyarrow": pyarrow.__version__}

    def sync(self, on: bool) -> None:
        """Syncing is the default."""
        self.con.execute(f"SET VARIABLE space_sync = {str(on).lower()}")

    def relation(self, table: str) -> str:
        """The newest snapshot."""
        return f"space_scan('{self.path(table)}')"

    def create(self, table: str) -> None:
        """An empty dataset."""
        self.drop(table)
        self.con.execute(f"CALL space_create('{self.path(table)}', columns => '{COLUMNS}', primary_keys => ['id'])")

    def append(self, table: str, source: str) -> None:
        """From a macro."""
        self.con.execute(f"CALL space_append('{self.path(table)}', '{source}')")

    def append_parts(self, table: str, source: str, parts: int, batch: int) -> list[float]:
        """As many commits, each timed."""
        self.sync(False)
        seconds = []
        for part in range(parts):
            first = part * batch
            start = time.perf_counter()
            self.append(table, f"FROM {source} WHERE id >= {first} AND id < {first + batch}")
            seconds.append(time.perf_counter() - start)
        return seconds

    def create_records(self, table: str) -> None:
        """A dataset with a record field."""
        self.drop(table)
        self.con.execute(
            f"CALL space_create('{self.path(table)}', columns => 'id BIGINT, label VARCHAR, score DOUBLE, image BLOB', "
            "primary_keys => ['id'], record_fields => ['image'])"
        )

    def append_records(self, table: str, source: str) -> None:
        """As any append."""
        self.append(table, source)

    def record(self, table: str, id: int) -> bytes:
        """As any lookup."""
        ((found,),) = self.query(table, f"SELECT image FROM {{t}} WHERE id = {id}")
        record: bytes = found
        return record

    def load_addresses(self, table: str) -> None:
        """A scan of addresses."""
        sql = f"SELECT id, image.file, image.row FROM space_scan('{self.path(table)}', records => 'address')"
        self._addresses = {id: (file, row) for id, file, row in self.con.execute(sql).fetchall()}

    def records(self, table: str, ids: Sequence[int]) -> Sequence[bytes]:
        """What loaders call."""
        places = [self._addresses[id] for id in ids]
        found = RecordFiles(self.path(table)).read_many([f for f, _ in places], [r for _, r in places])
        return [record for record in found if record is not None]

    def epoch(self, table: str, seed: int, batch: int) -> int:
        """What loaders do."""
        source = self._source(table)
        rows = (source.__getitems__(numbers) for numbers in source.epoch(0, seed=seed).batches(batch))
        return sum(len(row["image"]) for part in rows for row in part)

    def rows(self, table: str) -> int:
        """Iteration over the version."""
        return sum(len(row["image"]) for row in self._source(table))

    def loaded(self, table: str, seed: int, batch: int, workers: int) -> int:
        """The loader for PyTorch; workers stay for all epochs."""
        try:
            from space_sql.training import torch
        except ImportError as error:
            raise Unsupported("torch is not installed") from error
        from peers.loaders import tensor

        if workers not in self._loaders:
            self._loaders[workers] = torch.loader(
                self._source(table),
                batch,
                num_workers=workers,
                persistent_workers=workers > 0,
                transform=lambda row: tensor(row["image"]),
            )
        return sum(rows.numel() for rows in self._loaders[workers])

    @cached_property
    def _loaders(self) -> dict[int, Any]:
        return {}

    def _source(self, table: str) -> Any:
        if table not in self._sources:
            self._sources[table] = open_dataset(self.path(table), columns=["label", "image"])
        return self._sources[table]

    @cached_property
    def _sources(self) -> dict[str, Any]:
        return {}

    def append_blobs(self, table: str, source: str) -> None:
        """There is one way to keep them."""
        self.create_records(table)
        self.append(table, source)

    def blobs(self, table: str, ids: Sequence[int]) -> Sequence[bytes]:
        """By key, through SQL."""
        found = self.query(table, f"SELECT image FROM {{t}} WHERE id IN ({', '.join(map(str, ids))})")
        return [image for (image,) in found]

    def delete(self, table: str, predicate: str) -> None:
        """By predicate."""
        self.con.execute(f"CALL space_delete('{self.path(table)}', '{predicate}')")

    def upsert(self, table: str, source: str) -> None:
        """By key."""
        self.con.execute(f"CALL space_upsert('{self.path(table)}', '{source}')")

    def update(self, table: str, column: str, expression: str, predicate: str) -> None:
        """By predicate."""
        self.con.execute(f"CALL space_update('{self.path(table)}', '{column} = {expression}', '{predicate}')")

    def compact(self, table: str) -> None:
        """As users call it."""
        self.con.execute(f"CALL space_compact('{self.path(table)}')")

    def version(self, table: str) -> Any:
        """The head of main."""
        return self.con.execute(f"SELECT snapshot_id FROM space_info('{self.path(table)}')").fetchall()[0][0]

    def branch(self, table: str, name: str | None) -> None:
        """As users call it."""
        if name is not None:
            self.con.execute(f"CALL space_branch('{self.path(table)}', '{name}', version => 'main')")

    def upsert_on(self, table: str, branch: str, source: str) -> None:
        """By key."""
        self.con.execute(f"CALL space_upsert('{self.path(table)}', '{source}', branch => '{branch}')")

    def merge(self, table: str, branch: str) -> Any:
        """By key, cell by cell."""
        sql = f"SELECT rows_inserted, rows_updated, rows_deleted FROM space_merge('{self.path(table)}', '{branch}')"
        return self.con.execute(sql).fetchall()

    def conflicts(self, table: str, branch: str) -> Any:
        """As rows."""
        return self.con.execute(f"FROM space_conflicts('{self.path(table)}', '{branch}')").fetchall()

    def changes(self, table: str, older: Any, newer: Any) -> Any:
        """The change feed."""
        return self.con.sql(f"FROM space_changes('{self.path(table)}', {older}, {newer})").to_arrow_table()

    def diff(self, table: str, older: Any, newer: Any) -> Any:
        """The net difference."""
        return self.con.sql(f"FROM space_diff('{self.path(table)}', {older}, {newer})").to_arrow_table()

    def count_at_open(self, table: str) -> Any:
        """The log's answer; what is cached for another folder name does not help."""
        return self.con.execute(f"SELECT row_count FROM space_info('{self._renamed(table)}')").fetchall()

    def _renamed(self, table: str) -> str:
        """The folder under a name that this process has not seen; its old name leads there."""
        self._opened += 1
        alias = self.folder / f"{table}-{self._opened}"
        alias.symlink_to(self.path(table))
        return str(alias)

    def cold(self, table: str) -> str:
        """Import, connect, scan."""
        sql = f"SELECT count(*), sum(id) FROM {self.relation(table)}"
        return f'import space_sql\nprint(space_sql.connect().execute("{sql}").fetchall())'
