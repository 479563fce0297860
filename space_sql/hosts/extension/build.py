"""Compiling the extension: a C compiler, and nothing else."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from space_sql import __version__
from space_sql.errors import InvalidInputError, StorageError

SOURCES = Path(__file__).parent / "c"
FILE = "space.duckdb_extension"
RECORD = "space.python"
_FLAGS = ("-std=gnu11", "-O2", "-fPIC", "-shared", "-fexceptions", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror")
_API = "v1.2.0"
_FOOTER = 512


def compiler() -> list[str] | None:
    """The C compiler's command: what CC names, else the first there is."""
    named = shlex.split(os.environ.get("CC", ""))
    for candidate in (named, ["cc"], ["gcc"], ["clang"]):
        if candidate and shutil.which(candidate[0]):
            return candidate
    return None


def build(target: Path, platform: str) -> Path:
    """Compile the extension for a platform of DuckDB's (`PRAGMA platform`) into a file.

    Raises:
        InvalidInputError: there is no compiler.
        StorageError: it failed; its first error follows.
    """
    command = compiler()
    if command is None:
        raise InvalidInputError("building the extension needs a C compiler: install gcc or clang, or name one in CC")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "space.so"
        sources = [str(path) for path in sorted(SOURCES.glob("*.c"))]
        links = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else ["-ldl", "-lpthread"]
        run = subprocess.run([*command, *_FLAGS, *sources, "-o", str(library), *links], capture_output=True, text=True)
        if run.returncode:
            lines = [line for line in run.stderr.splitlines() if "error" in line] or [f"it ended with {run.returncode}"]
            raise StorageError(f"the C compiler failed: {lines[0]}")
        return publish(target, library.read_bytes() + footer(platform))


def footer(platform: str) -> bytes:
    """The last 512 bytes of an extension's file: fields of 32 bytes from the last to the first, then a signature."""
    fields = ("4", platform, _API, __version__, "C_STRUCT", "", "", "")
    return b"".join(field.encode().ljust(32, b"\0") for field in reversed(fields)) + bytes(_FOOTER // 2)


def platform_of(file: Path) -> str:
    """The platform of DuckDB's that an extension's file says it is for."""
    fields = file.read_bytes()[-_FOOTER:][: _FOOTER // 2]
    return fields[6 * 32 : 7 * 32].rstrip(b"\0").decode()


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
