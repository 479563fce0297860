"""Makes a failing case smaller: fewer steps, fewer rows, smaller queries, as long as it fails in the same way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import sqlglot
from sqlglot import exp

from tests.property.views.steps import Step

Fails = Callable[[list[Step]], bool]
_CLAUSES = ("where", "having", "qualify", "group", "order", "limit", "offset", "distinct", "with_")


def shrunk(steps: list[Step], fails: Fails, seconds: float = 120) -> list[Step]:
    """A smaller list of steps that still fails; what is found in that time."""
    end = time.monotonic() + seconds
    size = None
    while size != _size(steps) and time.monotonic() < end:
        size = _size(steps)
        steps = _fewer(steps, fails, end)
        for number in range(len(steps)):
            steps = _simpler(steps, number, fails, end)
    return steps


def _size(steps: list[Step]) -> int:
    return sum(len(step.text) + 1 for step in steps)


def _fewer(steps: list[Step], fails: Fails, end: float) -> list[Step]:
    chunk = max(1, len(steps) // 2)
    while chunk:
        first = len(steps) - chunk
        while first >= 0 and time.monotonic() < end:
            tried = steps[:first] + steps[first + chunk :]
            if fails(tried):
                steps = tried
            first -= chunk
        chunk //= 2
    return steps


def _simpler(steps: list[Step], number: int, fails: Fails, end: float) -> list[Step]:
    """The same steps, one of them with a smaller text."""
    found = True
    while found and time.monotonic() < end:
        found = False
        for text in _reductions(steps[number]):
            if time.monotonic() > end:
                break
            tried = [*steps[:number], replace(steps[number], text=text), *steps[number + 1 :]]
            if fails(tried):
                steps, found = tried, True
                break
    return steps


def _reductions(step: Step) -> Iterator[str]:
    """Smaller texts of a step, the smallest first."""
    if step.kind == "refresh":
        if step.text:
            yield ""
        return
    before, query, after = "", step.text, ""
    if step.kind == "write":
        if "$$" not in step.text:
            return
        before, query, after = step.text.split("$$", 2)
        if not query.lstrip().upper().startswith("SELECT"):
            return
        before, after = f"{before}$$", f"$${after}"
    try:
        tree = sqlglot.parse_one(query, dialect="duckdb")
    except sqlglot.ParseError:
        return
    seen = {query}
    made = []
    for smaller in _smaller(tree):
        try:
            text = smaller.sql(dialect="duckdb", normalize_functions=False)
        except Exception:
            continue
        if text not in seen and len(text) < len(query):
            seen.add(text)
            made.append(text)
    for text in sorted(made, key=len):
        yield before + text + after


def _smaller(tree: exp.Expression) -> Iterator[exp.Expression]:
    """Copies of a query, each with one thing taken out of it."""
    count = len(list(tree.walk()))
    for number in range(count):
        node = _at(tree, number)
        if isinstance(node, exp.Query) and number and not isinstance(node, exp.Subquery):
            yield node.copy()
        for change in _changes(node):
            copy = tree.copy()
            place = _at(copy, number)
            root = change(place)
            yield root if root is not None and place is copy else copy


def _at(tree: exp.Expression, number: int) -> exp.Expression:
    return next(node for i, node in enumerate(tree.walk()) if i == number)


def _changes(node: exp.Expression) -> Iterator[Callable[[exp.Expression], exp.Expression | None]]:
    """What can be taken out at a node; each returns the new root, should the node be the root."""
    for key in _CLAUSES:
        if node.args.get(key):
            yield lambda place, key=key: place.set(key, None)
    if isinstance(node, exp.SetOperation):
        yield lambda place: place.replace(place.this.copy())
        yield lambda place: place.replace(place.expression.copy())
        return
    for key in ("expressions", "joins", "laterals", "ifs"):
        many = node.args.get(key) or []
        least = 0 if key in ("joins", "laterals") else 1
        if len(many) > least and not isinstance(node, exp.Func | exp.Schema | exp.DataType | exp.TableAlias):
            half = len(many) // 2
            if half > 1:
                yield lambda place, key=key, half=half: place.set(key, place.args[key][:half])
                yield lambda place, key=key, half=half: place.set(key, place.args[key][half:])
            for i in range(len(many)):
                yield lambda place, key=key, i=i: place.set(key, [e for j, e in enumerate(place.args[key]) if j != i])
    if isinstance(node, exp.Alias):
        return
    if isinstance(
        node, exp.Binary | exp.Paren | exp.Not | exp.Func | exp.Case | exp.Filter | exp.Window | exp.Coalesce
    ):
        for i, child in enumerate(node.iter_expressions()):
            if isinstance(child, exp.Condition | exp.Paren):
                yield lambda place, i=i: place.replace(list(place.iter_expressions())[i].copy())
