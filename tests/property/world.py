"""The model of a dataset with its log, refs and sessions: who sees what, and what a write becomes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from tests.property.merging import Key, Merge, Resolution, Untold, forward
from tests.property.model import Births, Column, Content, Effect, Entry, Refused
from tests.property.values import Value

MAIN = "main"
Apply = Callable[[Content], Effect]
"""A write as planned on what its session sees, put on any content of its branch."""


@dataclass
class Seen:
    """What a session reads: refs, and for branches that it wrote to in an old transaction, its own content."""

    branches: dict[str, int]
    tags: dict[str, int]
    own: dict[str, Content] = field(default_factory=dict)


@dataclass
class Session:
    """A connection: its branch variable and, in a transaction, what it saw first."""

    branch: str | None = None
    in_transaction: bool = False
    pinned: Seen | None = None

    def end(self) -> None:
        """The transaction ends."""
        self.in_transaction, self.pinned = False, None


@dataclass(frozen=True)
class Outcome:
    """What a write is expected to do: its row, and what changes in the model when it succeeds."""

    branch: str
    row: tuple[object, ...]
    entry: Entry | None
    own: Effect | None = None
    may_conflict: bool = False


class World:
    """The dataset as the model knows it."""

    def __init__(self, first: Content, inserted: int) -> None:
        self.entries = [Entry(0, None, MAIN, "create", Effect(first, inserted=inserted), None)]
        self.branches = {MAIN: 0}
        self.tags: dict[str, int] = {}
        self.keys: dict[str, tuple[object, ...]] = {}
        self.expired: set[int] = set()
        self.one: set[int] = set()
        self.uniting: set[int] = set()

    def content(self, snapshot_id: int) -> Content:
        """The rows and columns of a snapshot."""
        return self.entries[snapshot_id].effect.content

    def see(self, session: Session) -> Seen:
        """What a session sees now; a transaction keeps it."""
        if session.pinned is not None:
            return session.pinned
        seen = Seen(dict(self.branches), dict(self.tags))
        if session.in_transaction:
            session.pinned = seen
        return seen

    def seen_content(self, seen: Seen, branch: str) -> Content:
        """The content of a branch for a session."""
        if branch in seen.own:
            return seen.own[branch]
        if branch not in seen.branches:
            raise Refused("not-found")
        return self.content(seen.branches[branch])

    def target(self, snapshot_id: int) -> int:
        """The snapshot whose content an id shows: entries of refs show what they point at."""
        entry = self.entries[snapshot_id]
        if entry.advances:
            return snapshot_id
        assert entry.parent_id is not None
        return entry.parent_id

    def readable(self, snapshot_id: int) -> bool:
        """Whether a snapshot's rows can be read."""
        return self.target(snapshot_id) not in self.expired

    def expiring(self, keep_last: int) -> list[int]:
        """What is forgotten when each branch keeps its newest snapshots."""
        kept = {*self.branches.values(), *self.tags.values()}
        kept.update(b for one, other in combinations(self.branches.values(), 2) for b in self.bases(one, other))
        for head in self.branches.values():
            at: int | None = head
            for _ in range(keep_last):
                if at is not None:
                    kept.add(at)
                    at = self.entries[at].parent_id
        return [e.snapshot_id for e in self.entries if e.snapshot_id not in kept | self.expired]

    def ancestors(self, snapshot_id: int) -> set[int]:
        """A snapshot and all that came before it, over both parents."""
        out: set[int] = set()
        waiting: list[int | None] = [snapshot_id]
        while waiting:
            at = waiting.pop()
            if at is not None and at not in out:
                out.add(at)
                waiting += [self.entries[at].parent_id, self.entries[at].merge_parent_id]
        return out

    def bases(self, ours: int, theirs: int) -> list[int]:
        """The common ancestors that no other one descends from."""
        common = self.ancestors(ours) & self.ancestors(theirs)
        behind = {b for c in common for b in self.ancestors(c) - {c}}
        return sorted(common - behind, reverse=True)

    def written_by(self, identity: int) -> int:
        """The commit that made a row."""
        return next(e.snapshot_id for e in self.entries if e.advances and identity in e.effect.content.rows)

    def versions(self, head: int, columns: Sequence[Column]) -> Iterator[tuple[Value, ...]]:
        """Everything that became of rows up to a head, by its own snapshots: without what they were before."""
        at: int | None = head
        while at is not None:
            entry = self.entries[at]
            parent = entry.parent_id
            if parent is None or parent in self.expired:
                first = "insert" if parent is None else None
                rows = entry.effect.content.rows.values()
                yield from ((at, first, *entry.effect.content.in_columns(row, columns)) for row in rows)
                return
            yield from (row for row in entry.feed(columns).elements() if row[1] != "update_preimage")
            at = parent

    def merge(self, branch: str, target: str, strategy: str, resolutions: Mapping[Key, Resolution]) -> Outcome:
        """What merging a branch into another should do."""
        if branch not in self.branches or target not in self.branches:
            raise Refused("not-found")
        theirs, ours = self.branches[branch], self.branches[target]
        bases = self.bases(ours, theirs)
        if bases == [theirs]:
            return Outcome(target, (ours, "merge", 0, 0, 0), None)
        if bases == [ours]:
            effect = forward(self.content(ours), self.content(theirs))
        else:
            effect = self.three_way(branch, target, strategy, resolutions).apply(Births())
        number = len(self.entries)
        row = (number, "merge", effect.inserted, effect.updated, effect.deleted)
        parents = {"merge_parent_id": theirs, "forward": bases == [ours]}
        entry = Entry(number, ours, target, "merge", effect, self.content(ours), **parents)  # type: ignore[arg-type]
        return Outcome(target, row, entry)

    def three_way(self, branch: str, target: str, strategy: str, resolutions: Mapping[Key, Resolution]) -> Merge:
        """A merge of two branches that both went on."""
        theirs, ours = self.branches[branch], self.branches[target]
        bases = self.bases(ours, theirs)
        if self.expired & set(bases):
            raise Refused("not-found")
        contents = [self.content(i) for i in (*bases, ours, theirs)]
        if any(self.one & c.ids for c in contents):
            raise Untold
        mine, yours = contents[-2:]
        before = {number for c in contents[:-2] for number in c.ids}
        known = {number for i in self.ancestors(ours) for number in self.content(i).ids}
        for column in yours.columns:
            if column.id in before | mine.ids:
                continue
            if column.id in known:  # dropped before the branches went apart, and brought back
                raise Untold
            other = mine.named(column.name)
            if other is not None and other.id not in before | yours.ids:
                if other.type != column.type:
                    raise Untold
                yours = yours.with_column_as(column.id, other.id)
                self.uniting |= {column.id, other.id}
        contents[-1] = yours
        return Merge(contents[:-2], contents[-2], contents[-1], strategy, resolutions)

    def write(self, session: Session, branch: str, operation: str, apply: Apply, *, by_position: bool) -> Outcome:
        """What a write to a branch should do; ``by_position`` writes may conflict after an own write on old rows."""
        seen = self.see(session)
        base = self.seen_content(seen, branch)
        if branch not in self.branches:
            raise Refused("not-found")
        head = self.branches[branch]
        tip = self.content(head)
        stale = branch in seen.own or seen.branches[branch] != head
        own, effect = _both(apply, base, tip)
        row: tuple[object, ...] = (head, operation, 0, 0, 0)
        entry = None
        if effect.content is not tip:
            number = len(self.entries)
            row = (number, operation, effect.inserted, effect.updated, effect.deleted)
            entry = Entry(number, head, branch, operation, effect, tip)
        shows = stale and (entry is not None or own.content is not base)
        return Outcome(branch, row, entry, own if shows else None, may_conflict=by_position and branch in seen.own)

    def ref(self, session: Session, branch: str, operation: str, target: int) -> Outcome:
        """An entry that changes a ref."""
        if branch not in self.branches:
            raise Refused("not-found")
        number = len(self.entries)
        effect = Effect(self.content(target))
        entry = Entry(number, target, branch, operation, effect, None, advances=False)
        return Outcome(branch, (number, operation, 0, 0, 0), entry)

    def commit(self, session: Session, outcome: Outcome, author: str | None, message: str | None) -> None:
        """The write succeeded."""
        entry = outcome.entry
        seen = session.pinned
        if entry is not None:
            self.one |= self.uniting if entry.operation == "merge" else set()
            self.entries.append(replace(entry, author=author, message=message))
            if entry.advances:
                self.branches[entry.branch] = entry.snapshot_id
                if seen is not None:
                    seen.branches[entry.branch] = entry.snapshot_id
        if seen is not None and outcome.own is not None:
            seen.own[outcome.branch] = outcome.own.content
            seen.branches[outcome.branch] = self.branches[outcome.branch]


def _both(apply: Apply, base: Content, tip: Content) -> tuple[Effect, Effect]:
    """The effect on both contents; when both refuse, either error will do."""
    effects: list[Effect] = []
    kinds: set[str] = set()
    for content in (base, tip):
        try:
            effects.append(apply(content))
        except Refused as refused:
            kinds |= refused.kinds
    if kinds:
        raise Refused(*kinds)
    return effects[0], effects[1]
