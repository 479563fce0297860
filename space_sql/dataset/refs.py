"""Tags and branches: names for snapshots. A tag never moves; a branch moves by writing to it."""

from __future__ import annotations

from dataclasses import replace

from space_sql.dataset.dataset import View
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Result, Tip, branch_of, draft, missing_ref, transact
from space_sql.errors import AlreadyExistsError, InvalidInputError
from space_sql.format.commit import Commit, Ref
from space_sql.format.names import MAIN, check_ref


def add_ref(session: Session, view: View, options: Options, kind: str, name: str | None, version: str | None) -> Result:
    """A new tag or branch at a version (omitted: the head of the session's branch)."""
    name = check_ref(name, kind)
    target = view.resolve(version, branch_of(session, options))

    def build(tip: Tip) -> Commit:
        seen = session.view_of(view).refs  # what the transaction reads may still have what others dropped
        for what, names in (
            ("tag", {**seen.tags, **tip.refs.tags}),
            ("branch", {**seen.branches, **tip.refs.branches}),
        ):
            if name in names:
                raise AlreadyExistsError(
                    f'{what} "{name}" exists already, at snapshot {names[name]}; '
                    f"choose another name or space_drop_{what}"
                )
        tip.view.kept(target)
        return _entry(tip, kind, Ref(name, kind, target), target)

    return transact(session, view, options, kind, build)


def drop_ref(session: Session, view: View, options: Options, kind: str, name: str | None) -> Result:
    """Forget a tag or branch; its snapshots stay in the log."""
    name = check_ref(name, kind)
    if kind == "branch" and name == MAIN:
        raise InvalidInputError("branch main cannot be dropped")

    def build(tip: Tip) -> Commit:
        names = dict(tip.refs.tags if kind == "tag" else tip.refs.branches)
        if name not in names:
            raise missing_ref(names, name, kind)
        return _entry(tip, f"drop_{kind}", Ref(name, kind, None), names[name])

    return transact(session, view, options, f"drop_{kind}", build)


def _entry(tip: Tip, operation: str, ref: Ref, target: int) -> Commit:
    """An entry that changes a ref: its parent is the snapshot that the ref points at, and no head moves."""
    return replace(draft(tip, operation, refs=(ref,)), parent_id=target)
