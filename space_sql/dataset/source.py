"""The caller's SQL, checked by DuckDB's own parser before it becomes part of a statement."""

from __future__ import annotations

import re

import duckdb
import orjson

from space_sql.dataset.engine import cursor
from space_sql.errors import InvalidInputError
from space_sql.format.schema import Schema
from space_sql.format.types import quote_identifier

_NAME = r'(?:"(?:[^"]|"")+"|(?:[A-Za-z_]|[^\x00-\x7f])(?:[A-Za-z0-9_$]|[^\x00-\x7f])*)'
_SPACE = r"[ \t\n\r\f]*"
_TABLE = re.compile(rf"{_SPACE}{_NAME}(?:{_SPACE}\.{_SPACE}{_NAME}){{0,2}}{_SPACE}")
_COMMENT = re.compile(r'("(?:[^"]|"")*")|--[^\n]*|/\*.*?\*/', re.DOTALL)
_CLAUSES = ("where_clause", "group_expressions", "group_sets", "having", "sample", "qualify", "modifiers")


def source_query(source: str | None) -> str:
    """A source as one query in brackets; a bare table name gets its FROM.

    Raises InvalidInputError unless the text is a table name or exactly one query.
    """
    if source is None or not source.strip():
        raise InvalidInputError("a source is required: a query or a table name")
    text = _without_end(source)
    is_name = _TABLE.fullmatch(_without_comments(text))
    if not is_name:
        _check_query(text, _statements(text))
    whole = f"(\nFROM {text}\n)" if is_name else f"(\n{text}\n)"
    _statements(f"FROM {whole}")  # a name may be a keyword, and a semicolon stand before a query
    return whole


def _statements(text: str) -> list[duckdb.Statement]:
    with cursor() as con:
        try:
            return con.extract_statements(text)
        except duckdb.Error as error:
            raise InvalidInputError(f"the source does not parse: {_first_line(error)}") from error


def _check_query(text: str, statements: list[duckdb.Statement]) -> None:
    if len(statements) != 1 or statements[0].type.name == "MULTI":
        if re.search(r"\bpivot\b", text, re.IGNORECASE):
            raise InvalidInputError("a PIVOT in a source needs its values there: PIVOT … ON column IN (…)")
        raise InvalidInputError(f"the source must be one query or a table name, found {len(statements)} statements")
    kind = statements[0].type.name
    if kind != "SELECT":
        raise InvalidInputError(f"the source must be a query (SELECT, FROM, VALUES, WITH) or a table name, not {kind}")


def predicate_sql(predicate: str | None) -> str:
    """A predicate as an expression in brackets.

    Raises InvalidInputError unless the text is exactly one expression: no second statement, no
    alias, no clause after it.
    """
    if predicate is None or not predicate.strip():
        raise InvalidInputError("a predicate is required, like 'id = 3' ('true' means all rows)")
    return _expression(predicate, "predicate")


def assignments_sql(assignments: str | None, schema: Schema) -> dict[int, str]:
    """``a = 1, b = upper(c)`` as column id to expression in brackets, in the given order."""
    if assignments is None or not assignments.strip():
        raise InvalidInputError("assignments are required, like 'label = ''cat'', score = score + 1'")
    out: dict[int, str] = {}
    for piece in _split(_without_end(assignments)):
        target, expression = _cut(piece)
        column = schema.column(_identifier(target))
        if column.id in out:
            raise InvalidInputError(f'column "{column.name}" is assigned twice')
        out[column.id] = _expression(expression, f'value of "{column.name}"')
    return out


def _expression(text: str, what: str) -> str:
    """One expression in brackets, on lines of its own so that a comment at its end stays harmless."""
    text = _without_end(text)
    with cursor() as con:
        ((row, inside),) = con.execute(
            "SELECT json_serialize_sql('SELECT ' || t), json_serialize_sql('SELECT (' || t || ')') "
            "FROM (SELECT ? AS t)",
            [f"\n{text}\n"],
        ).fetchall()
    told = orjson.loads(row)
    if told.get("error"):
        raise InvalidInputError(f"the {what} does not parse: {told.get('error_message', 'unknown error')}")
    statements = told["statements"]
    node = statements[0]["node"]
    items = node.get("select_list", [])
    if (
        len(statements) != 1
        or node["type"] != "SELECT_NODE"
        or len(items) != 1
        or node["from_table"]["type"] != "EMPTY"
        or any(node.get(clause) for clause in _CLAUSES)
        or items[0].get("class") == "STAR"
    ):
        raise InvalidInputError(f"the {what} must be one expression, found: {text.strip()}")
    if items[0].get("alias"):
        raise InvalidInputError(f"the {what} must be one expression without an alias, found: {text.strip()}")
    placed = orjson.loads(inside)  # in brackets, which do not allow a comma at the end
    if placed.get("error"):
        raise InvalidInputError(f"the {what} does not parse: {placed.get('error_message', 'unknown error')}")
    return f"(\n{text}\n)"


def _tokens(raw: bytes) -> list[tuple[int, bytes]]:
    """Byte offset and first byte of every token of DuckDB's tokenizer, quoted text and comments left out."""
    tokens = duckdb.tokenize(raw.decode())
    plain = (duckdb.token_type.operator, duckdb.token_type.keyword)
    return [
        (at, raw[at : at + 1] if kind in plain else b"") for at, kind in tokens if kind != duckdb.token_type.comment
    ]


def _without_end(text: str) -> str:
    """The text up to its closing semicolon, if nothing but comments follows that.

    Raises InvalidInputError for a NUL character, at which DuckDB 1.5 would stop reading.
    """
    if "\x00" in text:
        raise InvalidInputError("SQL cannot have a NUL character; write chr(0) for one in a text")
    raw = text.encode()
    end = len(raw)
    for at, first in reversed(_tokens(raw)):
        if first != b";":
            break
        end = at
    return raw[:end].decode()


def _without_comments(text: str) -> str:
    """The text with line and block comments left out; quoted names stay whole."""
    return _COMMENT.sub(lambda found: found[1] or " ", text)


def _split(text: str) -> list[str]:
    """The pieces between commas that stand in no bracket."""
    raw = text.encode()
    pieces, depth, start = [], 0, 0
    for at, first in _tokens(raw):
        depth += (first in (b"(", b"[", b"{")) - (first in (b")", b"]", b"}"))
        if first == b"," and depth == 0:
            pieces.append(raw[start:at].decode())
            start = at + 1
    return [*pieces, raw[start:].decode()]


def _cut(piece: str) -> tuple[str, str]:
    raw = piece.encode()
    for at, first in _tokens(raw):
        if first == b"=":
            target, expression = raw[:at].decode(), raw[at + 1 :].decode()
            if expression.strip():
                return target, expression
            break
    raise InvalidInputError(f"{piece.strip()!r} is not an assignment: write column = expression")


def _identifier(text: str) -> str:
    text = _without_comments(text).strip()
    if re.fullmatch(r'"(?:[^"]|"")+"', text):
        return text[1:-1].replace('""', '"')
    if re.fullmatch(_NAME, text):
        return text
    raise InvalidInputError(f"{text!r} is not a column name; quote unusual names, like {quote_identifier(text)}")


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
