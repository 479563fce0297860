"""Checks of a branch: given and dropped like columns, and kept in the schema."""

from __future__ import annotations

from dataclasses import replace

from space_sql.dataset.check_sql import check_sql
from space_sql.dataset.columns import change_schema
from space_sql.dataset.dataset import View
from space_sql.dataset.enforce import enforce_all
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Result, Tip, draft, find_repeat, transact
from space_sql.errors import AlreadyExistsError, InvalidInputError, NotFoundError, near
from space_sql.format.commit import Commit
from space_sql.format.schema import Check, Schema


def add_check(
    session: Session, view: View, options: Options, name: str | None, predicate: str | None, *, unique_key: bool
) -> Result:
    """A check that the rows which are there fulfil, and all that come."""
    if not name:
        raise InvalidInputError("a check needs a name")
    if unique_key == (predicate is not None and bool(predicate.strip())):
        raise InvalidInputError("a check is one predicate, like 'score BETWEEN 0 AND 1', or unique_key => true")
    check = Check(name, None if unique_key else predicate, unique_key)
    repeat = find_repeat(view.dataset, options)
    if repeat is not None:
        return repeat

    def build(tip: Tip) -> Commit:
        schema = tip.state.schema
        if any(c.name.casefold() == name.casefold() for c in schema.checks):
            raise AlreadyExistsError(f'check "{name}" exists already; choose another name or space_drop_check')
        if check.predicate is not None:
            check_sql(check, schema)
        enforce_all(tip.view.dataset.root, tip.state, check)
        return draft(tip, "add_check", schema=replace(schema, checks=(*schema.checks, check)))

    return transact(session, view, options, "add_check", build)


def drop_check(session: Session, view: View, options: Options, name: str | None) -> Result:
    """A check less."""

    def change(schema: Schema) -> Schema:
        kept = tuple(c for c in schema.checks if c.name.casefold() != (name or "").casefold())
        if len(kept) == len(schema.checks):
            names = [c.name for c in schema.checks]
            known = ", ".join(names) or "none"
            raise NotFoundError(f'no check "{name or ""}".{near(name or "", names)} There are: {known}')
        return replace(schema, checks=kept)

    repeat = find_repeat(view.dataset, options)
    return repeat if repeat is not None else change_schema(session, view, options, "drop_check", change)
