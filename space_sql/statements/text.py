"""One statement's text as tokens, and pieces of it with some places written anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Ask = Callable[[str], Sequence[tuple[Any, ...]]]
"""Runs a query in the caller's connection."""

_OPEN = {"L_PAREN", "L_BRACKET", "L_BRACE"}
_CLOSE = {"R_PAREN", "R_BRACKET", "R_BRACE"}
_TEXTS = {"STRING", "HEREDOC_STRING", "IDENTIFIER", "BYTE_STRING", "RAW_STRING", "NATIONAL_STRING"}


class Token(NamedTuple):
    """A word, sign or literal, from ``start`` to before ``end``."""

    kind: str
    text: str
    start: int
    end: int
    depth: int
    """How many brackets are open around it; a bracket counts as outside of itself."""

    @property
    def word(self) -> str:
        """A keyword or plain name in upper case; empty for anything in quotes."""
        return "" if self.kind in _TEXTS else self.text.upper()


class Edit(NamedTuple):
    """What stands from ``start`` to before ``end`` in the place of the text."""

    start: int
    end: int
    text: str


@dataclass
class Statement:
    """A statement's text, its tokens, and edits that pieces of it are given with."""

    text: str
    tokens: list[Token]
    edits: list[Edit] = field(default_factory=list)

    def piece(self, first: int, last: int) -> str:
        """The text of the tokens from ``first`` to before ``last``, edited; without comments around it."""
        if first >= last:
            return ""
        return self._edited(self.tokens[first].start, self.tokens[last - 1].end)

    def whole(self) -> str:
        """All of the text, edited."""
        return self._edited(0, len(self.text))

    def _edited(self, start: int, end: int) -> str:
        out, at = [], start
        for edit in sorted(self.edits):
            if start <= edit.start and edit.end <= end:
                out += [self.text[at : edit.start], edit.text]
                at = edit.end
        return "".join([*out, self.text[at:end]])

    def word(self, number: int) -> str:
        """The keyword at a place; empty where there is none."""
        return self.tokens[number].word if number < len(self.tokens) else ""

    def is_text(self, number: int) -> bool:
        """Whether a string in single quotes is there."""
        token = self.tokens[number] if number < len(self.tokens) else None
        return token is not None and token.kind == "STRING" and self.text[token.start] == "'"

    def find(self, *words: str, first: int = 0) -> int:
        """The next place outside of brackets where one of the keywords is; the end where there is none."""
        for number in range(first, len(self.tokens)):
            if self.tokens[number].depth == self.tokens[first].depth and self.tokens[number].word in words:
                return number
        return len(self.tokens)

    def follows(self, number: int, *words: str) -> bool:
        """Whether these keywords stand there, one after the other."""
        return all(self.word(number + step) == word for step, word in enumerate(words))

    def group_end(self, number: int) -> int:
        """After the bracket that closes the one at a place."""
        depth = self.tokens[number].depth
        for other in range(number + 1, len(self.tokens)):
            if self.tokens[other].depth == depth and self.tokens[other].kind in _CLOSE:
                return other + 1
        return len(self.tokens)

    def parts(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """The pieces between commas."""
        start = first
        for number in range(first, last + 1):
            ends = number == last or (
                self.tokens[number].kind == "COMMA" and self.tokens[number].depth == self.tokens[first].depth
            )
            if ends and start < number:
                yield start, number
            if ends:
                start = number + 1


def statement(text: str) -> Statement | None:
    """The first statement of a text; None where it cannot be read, which DuckDB then says in its own words."""
    tokens = _tokens(text)
    if tokens is None:
        return None
    end = next((number for number, token in enumerate(tokens) if _ends(token)), len(tokens))
    return Statement(text, tokens[:end])


def split(text: str) -> list[str]:
    """The statements of a text; none where it cannot be read."""
    out, start = [], 0
    for token in _tokens(text) or ():
        if _ends(token):
            out.append(text[start : token.start])
            start = token.end
    return [each for each in [*out, text[start:]] if each.strip()] if out else []


def _ends(token: Token) -> bool:
    return token.kind == "SEMICOLON" and token.depth == 0


def _tokens(text: str) -> list[Token] | None:
    from sqlglot.dialects.duckdb import DuckDB
    from sqlglot.errors import SqlglotError

    try:
        found = DuckDB().tokenize(text)
    except SqlglotError:
        return None
    tokens: list[Token] = []
    depth = 0
    for token in found:
        kind = token.token_type.name
        depth -= kind in _CLOSE
        tokens.append(Token(kind, token.text, token.start, token.end + 1, depth))
        depth += kind in _OPEN
    return tokens
