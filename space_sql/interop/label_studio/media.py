"""Images and audio of tasks as a record field: a key of the tasks' data names files below a folder, or addresses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from space_sql.dataset.columns import add_column
from space_sql.dataset.dataset import View
from space_sql.dataset.recording import REFERENCE_PATH, REFERENCE_TOKEN, TOKEN
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options
from space_sql.errors import InvalidInputError, NotFoundError
from space_sql.format.records import RecordOptions
from space_sql.format.schema import Schema
from space_sql.format.types import quote_identifier, quote_literal
from space_sql.interop.label_studio.batch import Fetch
from space_sql.interop.label_studio.fetching import fetch_public
from space_sql.interop.label_studio.statements import statements

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Media:
    """The key of the tasks' data, which is the record field's name too, and the folder of the files.

    Without the folder, each file is fetched from the address that the task names.
    """

    key: str
    root: Path | None = None

    @staticmethod
    def of(key: str | None, root: str | None) -> Media | None:
        """What the arguments ask for.

        Raises:
            InvalidInputError, NotFoundError: a folder without a key; there is no such folder.
        """
        if key is None:
            if root is not None:
                raise InvalidInputError("media_root needs media: the key of the tasks' data that names the files")
            return None
        if root is None:
            return Media(key)
        found = Path(root).expanduser().resolve()
        if not found.is_dir():
            raise NotFoundError(f"no folder at {found}, where media_root should be")
        return Media(key, found)

    def find(self, con: duckdb.DuckDBPyConnection) -> None:
        """The tables ``ls_media``, the file of each task, and ``ls_with_media``, the tasks that have one.

        Raises:
            NotFoundError: a task names a file that is not there.
        """
        con.execute(f"SET VARIABLE ls_media_key = {quote_literal(self.key)}")
        if self.root is None:
            con.execute(statements("read_addresses"))
            return
        con.execute(f"SET VARIABLE ls_media_root = {quote_literal(self.root.as_posix())}")
        con.execute(statements("read_media"))
        lost = con.execute(
            "SELECT count(*), min(told) FROM ls_media WHERE place IS NOT NULL AND file IS NULL"
        ).fetchall()
        if lost[0][0]:
            raise NotFoundError(f'{lost[0][0]} tasks name files that are not below {self.root}, as "{lost[0][1]}"')

    def fetch(self, con: duckdb.DuckDBPyConnection, fetch: Fetch | None, folder: Path) -> None:
        """Bring the files of tasks that are about to be written into a folder.

        Raises:
            NotFoundError, InvalidInputError, StorageError: one cannot be had; nothing was written.
        """
        if self.root is not None:
            return
        wanted = con.execute(
            "SELECT DISTINCT told FROM ls_media SEMI JOIN ls_tasks_put USING (task_id) WHERE told IS NOT NULL"
        ).fetchall()
        found: dict[str, str] = {}
        for (told,) in wanted:
            file = folder / str(len(found))
            (fetch or fetch_public)(told, file)
            found[told] = str(file)
        con.execute(
            "UPDATE ls_media SET file = f.file FROM "
            "(SELECT unnest($1::VARCHAR[]) AS told, unnest($2::VARCHAR[]) AS file) AS f WHERE f.told = ls_media.told",
            [list(found), list(found.values())],
        )

    def column(self) -> str:
        """The record field's values in a query over ``ls_media`` as m."""
        reference = f"{{'{REFERENCE_PATH}': m.file, '{REFERENCE_TOKEN}': '{TOKEN}'}}"
        return f"CASE WHEN m.file IS NOT NULL THEN {reference} END AS {quote_identifier(self.key)}"

    def prepare(self, session: Session, view: View, options: Options, schema: Schema) -> bool:
        """Add the record field where it is missing; returns whether it was."""
        if any(c.name.casefold() == self.key.casefold() for c in schema.columns):
            return False
        definition = f"{quote_identifier(self.key)} BLOB"
        add_column(session, view, Options(branch=options.branch), definition, RecordOptions())
        return True


def check_media(schema: Schema, media: Media | None) -> None:
    """Raise where files that are kept would not follow the tasks."""
    kept = [c.name for c in schema.columns if c.record is not None]
    if kept and media is None:
        raise InvalidInputError(
            f'the tasks keep the files of "{kept[0]}": name it as media (and media_root if it has one) in each import'
        )
