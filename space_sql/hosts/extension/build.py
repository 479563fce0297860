"""Building the extension's file, and the record of the Python that it belongs to."""

from __future__ import annotations

import os
import sys
import sysconfig
import tempfile
from pathlib import Path

from space_sql import __version__
from space_sql.errors import InvalidInputError, StorageError
from space_sql.hosts.extension import compiler

FILE = compiler.FILE
RECORD = "space.python"


def build(target: Path, platform: str) -> Path:
    """Compile the extension for a platform of DuckDB's (`PRAGMA platform`) into a file.

    Raises:
        InvalidInputError: there is no compiler.
        StorageError: it failed; its first error follows.
    """
    try:
        return publish(target, compiler.compiled(platform, __version__))
    except compiler.NoCompilerError:
        line = "building the extension needs a C compiler: install gcc or clang, or name one in CC"
        raise InvalidInputError(line) from None
    except compiler.FailedError as error:
        raise StorageError(f"the C compiler failed: {error}") from error


def publish(target: Path, content: bytes) -> Path:
    """Put a file in place in one step: a process may have the old one loaded."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
            file.write(content)
        os.chmod(file.name, 0o755)
        os.replace(file.name, target)
    except OSError as error:
        raise StorageError(f"{target} cannot be written: {error.strerror}") from error
    return target


def libpython() -> Path | None:
    """The shared library of this Python; None when it was built without one."""
    folder, name = sysconfig.get_config_var("LIBDIR"), sysconfig.get_config_var("INSTSONAME")
    found = Path(folder or "") / (name or "")
    return found if sysconfig.get_config_var("Py_ENABLE_SHARED") and found.is_file() else None


def record() -> str:
    """Which Python runs the extension where none is running: this one, with its packages."""
    library = libpython()
    lines = [
        f"version={sys.version_info.major}.{sys.version_info.minor}",
        f"executable={sys.executable}",
        *([f"libpython={library}"] if library else []),
        *(f"path={os.path.abspath(entry)}" for entry in sys.path),
    ]
    return "\n".join(lines) + "\n"
