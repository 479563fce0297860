"""DuckDB's logical types, from and to the text that DuckDB prints.

A `Type` is immutable and hashable; two types are equal when DuckDB would say so, except that
struct field names are compared with their case. No type is looked up anywhere: names that DuckDB
does not know parse as a `Scalar` too, and are refused later (`carriers.refusal`).

Source: docs/format.md, section "Types".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypeAlias

from space_sql.errors import InvalidInputError

MAX_DEPTH = 100


def quote_identifier(name: str) -> str:
    """The name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    """The text as a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True)
class Scalar:
    """A type without children; `name` is its canonical text, `DECIMAL(18,3)` or `ENUM('a', 'b')`."""

    name: str

    @property
    def base(self) -> str:
        """The name without parameters: `DECIMAL`, `ENUM`, `GEOMETRY`."""
        return self.name.partition("(")[0]

    @cached_property
    def values(self) -> tuple[str, ...]:
        """The values of an ENUM in their order; nothing for other types."""
        if self.base != "ENUM":
            return ()
        return tuple(text[1:-1].replace("''", "'") for text in _STRING.findall(self.name))

    @property
    def decimal(self) -> tuple[int, int] | None:
        """Width and scale of a DECIMAL; None for other types."""
        numbers = _DECIMAL.fullmatch(self.name)
        return (int(numbers[1]), int(numbers[2])) if numbers else None

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Struct:
    """Named fields in order. Names are empty in a tuple, which has none."""

    fields: tuple[tuple[str, Type], ...]

    @cached_property
    def by_name(self) -> dict[str, tuple[str, Type]]:
        """Fields by case-folded name; the last of equal names."""
        return {name.casefold(): (name, type_) for name, type_ in self.fields}

    @cached_property
    def _text(self) -> str:
        if not self.fields:
            return "STRUCT"
        if not self.fields[0][0]:
            return f"TUPLE({', '.join(str(type_) for _, type_ in self.fields)})"
        return f"STRUCT({', '.join(f'{quote_identifier(n)} {t}' for n, t in self.fields)})"

    def __str__(self) -> str:
        return self._text


@dataclass(frozen=True)
class List:
    """Any number of elements."""

    element: Type

    def __str__(self) -> str:
        return f"{self.element}[]"


@dataclass(frozen=True)
class Array:
    """A fixed number of elements."""

    element: Type
    size: int

    def __str__(self) -> str:
        return f"{self.element}[{self.size}]"


@dataclass(frozen=True)
class Map:
    """Keys with values."""

    key: Type
    value: Type

    def __str__(self) -> str:
        return f"MAP({self.key}, {self.value})"


@dataclass(frozen=True)
class Union:
    """One of several named members."""

    members: tuple[tuple[str, Type], ...]

    def __str__(self) -> str:
        return f"UNION({', '.join(f'{quote_identifier(n)} {t}' for n, t in self.members)})"


Type: TypeAlias = Scalar | Struct | List | Array | Map | Union

NULL = Scalar('"NULL"')
BOOLEAN = Scalar("BOOLEAN")
TINYINT = Scalar("TINYINT")
SMALLINT = Scalar("SMALLINT")
INTEGER = Scalar("INTEGER")
BIGINT = Scalar("BIGINT")
HUGEINT = Scalar("HUGEINT")
UTINYINT = Scalar("UTINYINT")
USMALLINT = Scalar("USMALLINT")
UINTEGER = Scalar("UINTEGER")
UBIGINT = Scalar("UBIGINT")
UHUGEINT = Scalar("UHUGEINT")
BIGNUM = Scalar("BIGNUM")
FLOAT = Scalar("FLOAT")
DOUBLE = Scalar("DOUBLE")
VARCHAR = Scalar("VARCHAR")
BLOB = Scalar("BLOB")
BIT = Scalar("BIT")
UUID = Scalar("UUID")
JSON = Scalar("JSON")
DATE = Scalar("DATE")
TIME = Scalar("TIME")
TIME_NS = Scalar("TIME_NS")
TIMETZ = Scalar("TIME WITH TIME ZONE")
TIMESTAMP = Scalar("TIMESTAMP")
TIMESTAMP_S = Scalar("TIMESTAMP_S")
TIMESTAMP_MS = Scalar("TIMESTAMP_MS")
TIMESTAMP_NS = Scalar("TIMESTAMP_NS")
TIMESTAMPTZ = Scalar("TIMESTAMP WITH TIME ZONE")
INTERVAL = Scalar("INTERVAL")
GEOMETRY = Scalar("GEOMETRY")
VARIANT = Scalar("VARIANT")

_ALIASES = {
    "NULL": '"NULL"',
    "BOOL": "BOOLEAN",
    "INT": "INTEGER",
    "INT4": "INTEGER",
    "INT8": "BIGINT",
    "FLOAT4": "FLOAT",
    "REAL": "FLOAT",
    "FLOAT8": "DOUBLE",
    "TEXT": "VARCHAR",
    "STRING": "VARCHAR",
    "BYTEA": "BLOB",
    "DATETIME": "TIMESTAMP",
    "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE",
    "TIMETZ": "TIME WITH TIME ZONE",
    "VARINT": "BIGNUM",
}

_STRING = re.compile(r"'(?:[^']|'')*'")
_TOKEN = re.compile(r"""\s*("(?:[^"]|"")+"|'(?:[^']|'')*'|\w+|\S)""")
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_NAME = re.compile(r"[^\W\d]\w*")
_END = ""
_MARKS = frozenset("()[],")
_ZONED = ("TIME", "TIMESTAMP")


def enum(values: tuple[str, ...]) -> Scalar:
    """The ENUM of these values."""
    return Scalar(f"ENUM({', '.join(map(quote_literal, values))})")


def decimal(width: int, scale: int) -> Scalar:
    """`DECIMAL(width,scale)`."""
    return Scalar(f"DECIMAL({width},{scale})")


@lru_cache(maxsize=4096)
def parse_type(text: str) -> Type:
    """Read a type as `typeof` and `DESCRIBE` print it.

    Raises:
        InvalidInputError: the text is no type, or nests deeper than `MAX_DEPTH`.
    """
    return _Parser(text).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _TOKEN.findall(text)
        self._tokens.append(_END)
        self._next = 0
        self._depth = 0

    def parse(self) -> Type:
        found = self._type()
        if self._peek() != _END:
            raise self._error()
        return found

    def _error(self) -> InvalidInputError:
        shown = self._text if len(self._text) <= 200 else self._text[:200] + "…"
        return InvalidInputError(f"{shown!r} is not a type that DuckDB prints")

    def _peek(self) -> str:
        token: str = self._tokens[self._next]
        return token

    def _mark(self, mark: str) -> bool:
        """Take the mark when it comes next."""
        if self._tokens[self._next] == mark:
            self._next += 1
            return True
        return False

    def _expect(self, mark: str) -> None:
        if not self._mark(mark):
            raise self._error()

    def _name(self) -> str:
        token = self._peek()
        self._next += 1
        if len(token) > 2 and token[0] == '"':
            return token[1:-1].replace('""', '"')
        if _NAME.match(token):
            return token
        raise self._error()

    def _type(self) -> Type:
        self._depth += 1
        self._check_depth(self._depth)
        found = self._suffixed(self._rest(self._name().upper()))
        self._depth -= 1
        return found

    def _check_depth(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise InvalidInputError(f"types nest at most {MAX_DEPTH} levels deep")

    def _suffixed(self, found: Type) -> Type:
        suffixes = 0
        while self._mark("["):
            suffixes += 1
            self._check_depth(self._depth + suffixes)
            size = self._peek()
            if size.isdecimal():
                self._next += 1
                found = Array(found, int(size))
            else:
                found = List(found)
            self._expect("]")
        return found

    def _rest(self, name: str) -> Type:
        """The type that starts with this name."""
        if name in ("STRUCT", "TUPLE"):
            return Struct(tuple(self._fields()) if self._mark("(") else ())
        if name == "UNION":
            self._expect("(")
            return Union(tuple(self._fields()))
        if name == "MAP":
            self._expect("(")
            key = self._type()
            self._expect(",")
            value = self._type()
            self._expect(")")
            return Map(key, value)
        if name in _ZONED and self._peek().upper() == "WITH":
            for word in ("WITH", "TIME", "ZONE"):
                if self._name().upper() != word:
                    raise self._error()
            return Scalar(f"{name} WITH TIME ZONE")
        name = _ALIASES.get(name, name)
        return Scalar(name + self._parameters(name)) if self._mark("(") else Scalar(name)

    def _fields(self) -> Iterator[tuple[str, Type]]:
        if self._mark(")"):
            return
        while True:
            name = self._name()
            following = self._peek()
            if following in _MARKS or (name.upper() in _ZONED and following.upper() == "WITH"):
                yield "", self._suffixed(self._rest(name.upper()))
            else:
                yield name, self._type()
            if self._mark(")"):
                return
            self._expect(",")

    def _parameters(self, name: str) -> str:
        found: list[str] = []
        while True:
            token = self._peek()
            if not token.isdecimal() and not (len(token) > 1 and token[0] == "'"):
                raise self._error()
            found.append(token)
            self._next += 1
            if self._mark(")"):
                break
            self._expect(",")
        return f"({(', ' if name == 'ENUM' else ',').join(found)})"
