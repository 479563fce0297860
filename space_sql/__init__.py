"""Space SQL: versioned datasets for machine learning, in SQL, on DuckDB."""

from space_sql.errors import (
    AlreadyExistsError,
    ConflictError,
    FormatError,
    InvalidInputError,
    NotFoundError,
    ReadOnlyError,
    SpaceError,
    StorageError,
)
from space_sql.hosts.functions import register_function
from space_sql.hosts.notebook import load_ipython_extension
from space_sql.hosts.python import connect, register

__version__ = "0.1.0"

__all__ = [
    "AlreadyExistsError",
    "ConflictError",
    "FormatError",
    "InvalidInputError",
    "NotFoundError",
    "ReadOnlyError",
    "SpaceError",
    "StorageError",
    "__version__",
    "connect",
    "load_ipython_extension",
    "register",
    "register_function",
]
