"""What Apache Superset should know of `space://` beyond SQLAlchemy's dialect; it finds this by the entry point."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from flask_babel import gettext
from sqlalchemy import types
from superset.db_engine_specs.base import BaseEngineSpec
from superset.db_engine_specs.duckdb import DuckDBEngineSpec
from superset.errors import SupersetErrorType
from superset.sql.parse import SQLGLOT_DIALECTS

SQLGLOT_DIALECTS.setdefault("space", SQLGLOT_DIALECTS["duckdb"])  # else SQL Lab refuses what only DuckDB can say


class SpaceEngineSpec(BaseEngineSpec):  # type: ignore[misc]
    """Datasets as a database of Superset: DuckDB's SQL and time grains."""

    engine = "space"
    engine_name = "Space SQL"
    default_driver = "space_sql"
    sqlalchemy_uri_placeholder = "space:////path/to/folder"
    custom_errors: ClassVar[dict[re.Pattern[str], tuple[str, Any, dict[str, Any]]]] = {
        re.compile(r"Table with name (?P<table_name>.+?) does not exist"): (
            gettext('There is no dataset "%(table_name)s" below the folder.'),
            SupersetErrorType.TABLE_DOES_NOT_EXIST_ERROR,
            {},
        ),
        re.compile(r'Referenced column "(?P<column_name>.+?)" (was )?not found'): (
            gettext('There is no column "%(column_name)s".'),
            SupersetErrorType.COLUMN_DOES_NOT_EXIST_ERROR,
            {},
        ),
    }
    column_type_mappings = DuckDBEngineSpec.column_type_mappings
    _time_grain_expressions = DuckDBEngineSpec._time_grain_expressions

    @classmethod
    def epoch_to_dttm(cls) -> str:
        """SQL for the moment of a number of seconds since 1970."""
        return "to_timestamp({col})"

    @classmethod
    def convert_dttm(cls, target_type: str, dttm: datetime, db_extra: dict[str, Any] | None = None) -> str | None:
        """SQL for a moment that a column is compared with."""
        sqla_type = cls.get_sqla_column_type(target_type)
        if isinstance(sqla_type, types.Date):
            return f"DATE '{dttm.date().isoformat()}'"
        if isinstance(sqla_type, types.DateTime):
            return f"TIMESTAMP '{dttm.isoformat(sep=' ', timespec='microseconds')}'"
        return None

    @classmethod
    def fetch_data(cls, cursor: Any, limit: int | None = None) -> list[tuple[Any, ...]]:
        """The rows; a UUID is its text, which Superset else takes for bytes of some other text."""
        columns = [i for i, told in enumerate(cursor.description or ()) if str(told[1]).upper() == "UUID"]
        rows: list[tuple[Any, ...]] = super().fetch_data(cursor, limit)
        if not columns:
            return rows
        return [tuple(str(v) if isinstance(v, UUID) else v for v in row) for row in rows]
