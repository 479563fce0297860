"""SQL that turns one scalar into another, or ends the statement with an error that names the value."""

from __future__ import annotations

from space_sql.dataset.leaves import LeafPath, path_text
from space_sql.dataset.numeric import is_number
from space_sql.dataset.text_forms import form_hint, text_form
from space_sql.errors import InvalidInputError
from space_sql.format.types import (
    BIGNUM,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    HUGEINT,
    TIME,
    TIME_NS,
    TIMESTAMP,
    TIMESTAMP_MS,
    TIMESTAMP_NS,
    TIMESTAMP_S,
    VARCHAR,
    Scalar,
    Type,
    quote_literal,
)

_TIMESTAMPS = (TIMESTAMP_S, TIMESTAMP_MS, TIMESTAMP, TIMESTAMP_NS)
_FLOATS = (FLOAT, DOUBLE)
_NS_RANGE = "BETWEEN '1677-09-22' AND '2262-04-11 23:47:16.854775'"
_WHOLE = "-?[0-9]+"
_DOUBLE_DIGITS = "-?0*([.]0*)?([0-9][.]?){1,17}([eE][-+]?[0-9]+)?"
"""A number with no more digits than a DOUBLE keeps."""
_SHOWN = 80


def scalar_cast(x: str, source: Scalar, target: Scalar, path: LeafPath) -> str:
    """The target's value of an expression; JSON is not among the types.

    Raises:
        InvalidInputError: the types do not go together.
    """
    if is_number(source) and is_number(target):
        return _number(x, source, target, path)
    if target in _TIMESTAMPS and source in (*_TIMESTAMPS, DATE):
        return _timestamp(x, source, target, path)
    if {source, target} == {TIME, TIME_NS}:
        return _survives(x, f"TRY_CAST({x} AS {target})", source, target, path)
    if source.values and target.values:
        return _parsed(f"CAST({x} AS VARCHAR)", target, path)
    if source == VARCHAR and (text_form(target) or target.values):
        return _parsed(x, target, path)
    raise no_cast(source, target, path)


def json_cast(x: str, target: Type, path: LeafPath) -> str:
    """The target's value of a JSON expression: NULL, or what the JSON value is exactly."""
    kind = f"json_type({x})"
    text = f"CAST({x} AS VARCHAR)"
    cases = [f"WHEN {x} IS NULL OR {kind} = 'NULL' THEN NULL"]
    hint = ""
    if target == VARCHAR:
        cases.append(f"WHEN {kind} = 'VARCHAR' THEN json_extract_string({x}, '$')")
        hint = "; CAST it to VARCHAR in the source to keep its JSON text"
    elif target == BOOLEAN:
        cases.append(f"WHEN {kind} = 'BOOLEAN' THEN {text} = 'true'")
    elif isinstance(target, Scalar) and is_number(target):
        cases.append(f"WHEN {kind} IN ('UBIGINT', 'BIGINT', 'DOUBLE') THEN {_json_number(x, target, path)}")
    elif isinstance(target, Scalar) and (text_form(target) or target.values):
        value = _parsed(f"json_extract_string({x}, '$')", target, path)
        cases.append(f"WHEN {kind} = 'VARCHAR' THEN {value}")
    failure = _error(text, target, path, hint)
    return f"CAST(CASE {' '.join(cases)} ELSE {failure} END AS {target})"


def _json_number(x: str, target: Scalar, path: LeafPath) -> str:
    text = f"CAST({x} AS VARCHAR)"
    if target.decimal:
        return _parsed(text, target, path, form=f"{_WHOLE}([.][0-9]{{0,{target.decimal[1]}}}0*)?")
    whole = f"regexp_full_match({text}, '{_WHOLE}')"
    if target not in _FLOATS:
        value = _parsed(text, target, path, form=_WHOLE)
        real = _number(f"TRY_CAST({text} AS DOUBLE)", DOUBLE, target, path)
    else:
        value = _number(f"TRY_CAST({text} AS HUGEINT)", HUGEINT, target, path)
        real = _number(f"TRY_CAST({text} AS DOUBLE)", DOUBLE, target, path)
    kept = f"regexp_full_match({text}, '{_DOUBLE_DIGITS}') AND isfinite(TRY_CAST({text} AS DOUBLE))"
    failure = _error(text, target, path)
    return f"CASE WHEN {whole} THEN {value} WHEN {kept} THEN {real} ELSE {failure} END"


def _number(x: str, source: Scalar, target: Scalar, path: LeafPath) -> str:
    """A number as another: through text where DuckDB's direct cast is inexact or missing."""
    if source == target:
        return x
    mixed = any(t in _FLOATS for t in (source, target)) and (source.decimal or target.decimal)
    if not mixed and source != BIGNUM and (target != BIGNUM or source in _FLOATS):
        return _survives(x, f"TRY_CAST({x} AS {target})", source, target, path)
    value = f"TRY_CAST(CAST({x} AS VARCHAR) AS {target})"
    back = f"TRY_CAST(CAST({value} AS VARCHAR) AS {source}) = {x}"
    if source == BIGNUM:
        text = f"regexp_replace(CAST({value} AS VARCHAR), '[.]0*$', '')"
        back = f"{text} = CAST({x} AS VARCHAR)"
        if target in _FLOATS:
            back = f"TRY_CAST({value} AS BIGNUM) = {x}"
    return checked(x, value, back, target, path)


def _timestamp(x: str, source: Scalar, target: Scalar, path: LeafPath) -> str:
    value = f"TRY_CAST({x} AS {target})"
    if target == TIMESTAMP_NS:
        # DuckDB 1.5 raises where TRY_CAST should give NULL.
        moment = f"CAST({x} AS TIMESTAMP)" if source != DATE else x
        value = f"CASE WHEN {moment} {_NS_RANGE} OR NOT isfinite({x}) THEN {value} END"
    return _survives(x, value, source, target, path)


def _survives(x: str, value: str, source: Type, target: Type, path: LeafPath) -> str:
    return checked(x, value, f"TRY_CAST({value} AS {source}) = {x}", target, path)


def _parsed(x: str, target: Scalar, path: LeafPath, *, form: str | None = None) -> str:
    value = f"TRY_CAST({x} AS {target})"
    form = form or text_form(target)
    fits = f"{value} IS NOT NULL"
    if form:
        fits = f"regexp_full_match({x}, {quote_literal(form)}) AND {fits}"
    failure = _error(f"('''' || {x} || '''')", target, path, form_hint(target))
    return f"CASE WHEN {x} IS NULL THEN NULL WHEN {fits} THEN {value} ELSE {failure} END"


def checked(x: str, value: str, fits: str, target: Type, path: LeafPath) -> str:
    """The value where it fits; NULL stays NULL; anything else is an error."""
    failure = _error(f"CAST({x} AS VARCHAR)", target, path)
    return f"CASE WHEN {x} IS NULL THEN NULL WHEN {fits} THEN {value} ELSE {failure} END"


def _error(text: str, target: Type, path: LeafPath, hint: str = "") -> str:
    start = quote_literal(f'column "{path_text(path)}": value ')
    shown = str(target) if len(str(target)) <= _SHOWN else "its type"
    end = quote_literal(f" does not fit {shown} exactly{hint}")
    return f"error({start} || left({text}, {_SHOWN}) || {end})"


def no_cast(source: Type, target: Type, path: LeafPath) -> InvalidInputError:
    """The error for two types that do not go together."""
    return InvalidInputError(f'column "{path_text(path)}": {source} cannot become {target}')
