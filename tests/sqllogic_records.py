"""The records of a `.test` file: what `tests/sqllogic.py` describes, parsed and checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, replace

CONDITIONS = frozenset({"duckdb15", "duckdb20", "python", "extension", "shell", "node", "connections"})
TYPES = frozenset("IRBT")
_EXPECTED = "----"


class Failed(AssertionError):
    """A record did not do what the file says, or the file is not well formed."""


@dataclass(frozen=True)
class Guard:
    """A condition of a record: what must hold or must not, why, and whether the rest of the file hangs on it."""

    condition: str
    holds: bool
    reason: str
    whole: bool = False

    def keeps_out(self, conditions: Set[str]) -> bool:
        """Whether the record does not apply where these conditions hold."""
        return (self.condition in conditions) != self.holds


_CONNECTIONS = Guard("connections", True, "needs several connections to one database", whole=True)


@dataclass(frozen=True)
class Record:
    """One step: a command with its arguments, the SQL below it and what is expected of it."""

    line: int
    command: tuple[str, ...]
    sql: str = ""
    expected: tuple[str, ...] | None = None
    guards: tuple[Guard, ...] = ()
    connection: str = ""
    body: tuple[Record, ...] = ()

    def substituted(self, name: str, value: str) -> Record:
        """The record with ${name} replaced."""
        old = "${" + name + "}"
        return replace(
            self,
            command=tuple(word.replace(old, value) for word in self.command),
            sql=self.sql.replace(old, value),
            expected=None if self.expected is None else tuple(e.replace(old, value) for e in self.expected),
            body=tuple(record.substituted(name, value) for record in self.body),
        )


def parse(text: str) -> tuple[Record, ...]:
    """The records of a file, loops nested."""
    lines = text.split("\n")
    for header in ("# name: ", "# description: "):
        if not any(line.startswith(header) for line in lines[:5]):
            raise Failed(f"line 1: the file does not begin with '{header}…'")
    stack: list[list[Record]] = [[]]
    opened: list[Record] = []
    for record in map(_record, _blocks(lines)):
        match record.command:
            case ("loop", _, _, _) | ("foreach", _, _, *_):
                opened.append(record)
                stack.append([])
            case ("endloop",) if opened:
                body = tuple(stack.pop())
                stack[-1].append(replace(opened.pop(), body=body))
            case ("statement", "ok") | ("restart",) | ("load", _) | ("load", _, "readonly") | ("require", _):
                stack[-1].append(record)
            case ("reconnect",):
                stack[-1].append(replace(record, guards=(*record.guards, _CONNECTIONS)))
            case ("statement", "error") | ("query", _) | ("query", _, "nosort" | "rowsort" | "valuesort"):
                if record.command[0] == "query" and not set(record.command[1]) <= TYPES:
                    raise Failed(f"line {record.line}: '{record.command[1]}' has a type that is none of I, R, B and T")
                if record.expected is None or (record.command[0] == "statement" and not record.expected):
                    raise Failed(f"line {record.line}: nothing is expected; write it below a line '{_EXPECTED}'")
                stack[-1].append(record)
            case _:
                raise Failed(f"line {record.line}: '{' '.join(record.command)}' is not a record")
    if opened:
        raise Failed(f"line {opened[-1].line}: this loop has no endloop")
    return tuple(stack[0])


def left_out(records: Iterable[Record], conditions: Set[str]) -> tuple[str | None, Counter[str]]:
    """Why a file is left before its end under these conditions, or None; and the reasons of records passed over."""
    passed: Counter[str] = Counter()
    for record in records:
        for guard in record.guards:
            if guard.keeps_out(conditions):
                if guard.whole:
                    return guard.reason, passed
                passed[guard.reason] += 1
                break
        else:
            why, inner = left_out(record.body, conditions)
            passed += inner
            if why:
                return why, passed
    return None, passed


def _blocks(lines: list[str]) -> Iterator[list[tuple[int, str]]]:
    """The numbered lines between empty lines, without comments (an expected row may begin with '#')."""
    block: list[tuple[int, str]] = []
    for n, line in enumerate([*lines, ""], 1):
        if not line.strip():
            if block:
                yield block
            block = []
        elif not line.startswith("#") or any(text == _EXPECTED for _, text in block):
            block.append((n, line))


def _record(block: list[tuple[int, str]]) -> Record:
    guards: list[Guard] = []
    connection = ""
    for position, (n, line) in enumerate(block):
        code, _, reason = line.partition("#")
        words = tuple(code.split())
        if words[0] in ("skipif", "onlyif", "require"):
            if len(words) != 2 or words[1] not in CONDITIONS:
                raise Failed(f"line {n}: '{words[0]}' takes one of {', '.join(sorted(CONDITIONS))}")
            if not reason.strip():
                raise Failed(f"line {n}: '{code.strip()}' gives no reason; write one behind a '#' on this line")
            guards.append(Guard(words[1], words[0] != "skipif", reason.strip(), whole=words[0] == "require"))
        if words[0] in ("skipif", "onlyif"):
            continue
        if words[0] == "connection" and len(words) == 2:
            connection = words[1]
            guards.append(_CONNECTIONS)
        else:
            return _record_of(n, words, block[position + 1 :], tuple(guards), connection)
    raise Failed(f"line {block[-1][0]}: no record follows this line")


def _record_of(
    n: int,
    words: tuple[str, ...],
    below: list[tuple[int, str]],
    guards: tuple[Guard, ...],
    connection: str,
) -> Record:
    rest = [line for _, line in below]
    with_sql = words[0] in ("statement", "query")
    if with_sql != bool(rest) or rest[:1] == [_EXPECTED]:
        raise Failed(f"line {n}: '{words[0]}' {'needs SQL below it' if with_sql else 'is a record of one line'}")
    expected = None
    if _EXPECTED in rest:
        at = rest.index(_EXPECTED)
        rest, expected = rest[:at], tuple(rest[at + 1 :])
    return Record(n, words, "\n".join(rest), expected, guards, connection)
