"""Materialize: a view's definition and first result become a dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from space_sql.dataset.create import Create, Records, publish_first
from space_sql.dataset.dataset import folder
from space_sql.dataset.plan import source_struct
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Result
from space_sql.format.data_file import DataFile
from space_sql.views.computed import Computed
from space_sql.views.definition import Catalogue, Definition, Reader
from space_sql.views.fragments import of_all
from space_sql.views.functions import KNOWN, called
from space_sql.views.plan import explained
from space_sql.views.ray import Ray
from space_sql.views.relation import NoRule
from space_sql.views.settings import check_matches, kept_settings
from space_sql.views.sources import pinned
from space_sql.views.spread import spread


def read_definition(
    session: Session, root: Path, view: str, static: Sequence[str], catalogue: Mapping[str, Any], zone: str | None
) -> Definition:
    """The definition that a view's name or a query stands for, over its sources as the session sees them."""

    def resolve(path: str, version: str | None, branch: str | None) -> tuple[str, int]:
        source = session.view(path)
        return source.dataset.id, source.resolve(version, branch)

    known = Catalogue(catalogue.get("views") or (), catalogue.get("tables") or ())
    reader = Reader(root, known, static, session.branch, resolve)
    found = reader.definition(view)
    functions = called(found.query, KNOWN.of(KNOWN.instance(session.connection)))
    return replace(found, time_zone=zone or "UTC", functions=functions)


def computed(session: Session, path: str | None, engine: Ray | None) -> Computed | None:
    """What keeps results of functions while a view's first rows are read; all parts of a statement share it."""
    key = ("space_materialize", f"computed|{path}")
    found = session.asked.get(key)
    if isinstance(found, Computed):
        return found
    functions = [f.called for f in KNOWN.of(KNOWN.instance(session.connection)).values()]
    if not functions or path is None:
        return None
    made = Computed(folder(path), session.connection, functions, sync=session.sync, engine=engine)
    session.asked[key] = made
    return made


class Materialize(Create):
    """A view's first rows on their way."""

    declared = True

    def __init__(
        self,
        session: Session,
        path: str | None,
        options: Options,
        source_type: str | None,
        view: str,
        primary_keys: Sequence[str] | None,
        static: Sequence[str],
        catalogue: Mapping[str, Any],
        zone: str | None,
        settings: str | None,
        engine: Ray | None,
    ) -> None:
        root = folder(path)
        definition = read_definition(session, root, view, static, catalogue, zone)
        check_matches(definition, settings)
        definition = replace(definition, settings=kept_settings(settings))
        sources = pinned(session, root, definition, None)
        keys = list(primary_keys or ())
        names = [name for name, _ in source_struct(source_type).fields]
        if not keys:
            try:
                _, found = explained(definition, sources)
            except NoRule:
                found = ()
            known = {name.casefold() for name in names}
            keys = list(found) if found and all(k.casefold() in known for k in found) else names
        self.definition = replace(
            definition, primary_keys=tuple(primary_keys or ()), refresh={"policy": "full", "reason": "first result"}
        )
        self.computed = computed(session, path, engine)
        if self.computed is not None:
            self.computed.only(definition.functions)
        super().__init__(session, path, options, source_type, keys, Records())
        if self.staging is None or engine is None:
            return
        columns = [(c.name, str(c.type)) for c in self.schema.columns]
        pieces = of_all(definition, sources, columns, None)
        read = sum(source.state.rows for source in sources)
        parts = spread(engine, session.connection, definition, self.computed, pieces, read, settings)
        if parts is not None:
            self.staging = parts.store(self.root, self.schema.columns, definition.time_zone)
            self.takes_rows = False

    def commit(self) -> Result:
        """Publish; results of functions are kept with the view."""
        result = super().commit()
        if self.computed is not None:
            self.computed.end(merge=True)
        return result

    def abort(self) -> None:
        """Remove what was staged; what functions computed stays for the next try."""
        if self.computed is not None:
            self.computed.end()
        super().abort()

    def publish(self, written: list[DataFile]) -> Result:
        """Commit 0, with the definition."""
        return publish_first(
            self.session,
            self.root,
            self.options,
            self.schema,
            written,
            operation="materialize",
            view=self.definition.encode(),
        )
