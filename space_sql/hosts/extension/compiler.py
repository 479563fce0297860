"""From C sources to the bytes of the extension's file.

It imports nothing of this package: wheels are built with it where the package's needs are not there.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCES = Path(__file__).parent / "c"
FILE = "space.duckdb_extension"
_FLAGS = ("-std=gnu11", "-O2", "-fPIC", "-shared", "-fexceptions", "-fvisibility=hidden", "-Wall", "-Wextra")
_API = "v1.2.0"
_FIELD = 32
_FOOTER = 512


class NoCompilerError(Exception):
    """There is none."""


class FailedError(Exception):
    """The compiler's first error."""


def command() -> list[str] | None:
    """The C compiler: what CC names, else the first there is."""
    named = shlex.split(os.environ.get("CC", ""))
    for candidate in (named, ["cc"], ["gcc"], ["clang"]):
        if candidate and shutil.which(candidate[0]):
            return candidate
    return None


def compiled(platform: str, version: str) -> bytes:
    """The extension for a platform as DuckDB calls it (`PRAGMA platform`), of a version of ours."""
    compiler = command()
    if compiler is None:
        raise NoCompilerError
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "space.so"
        sources = [str(path) for path in sorted(SOURCES.glob("*.c"))]
        links = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else ["-ldl", "-lpthread"]
        run = subprocess.run([*compiler, *_FLAGS, *sources, "-o", str(library), *links], capture_output=True, text=True)
        if run.returncode:
            lines = [line for line in run.stderr.splitlines() if "error" in line] or [f"it ended with {run.returncode}"]
            raise FailedError(lines[0])
        return library.read_bytes() + footer(platform, version)


def footer(platform: str, version: str) -> bytes:
    """The last 512 bytes: eight fields of 32 bytes, the first one last, and room for a signature."""
    fields = ("4", platform, _API, version, "C_STRUCT", "", "", "")
    return b"".join(field.encode().ljust(_FIELD, b"\0") for field in reversed(fields)) + bytes(_FOOTER // 2)


def platform_of(content: bytes) -> str:
    """The platform that a file's footer names."""
    return content[-_FOOTER:][6 * _FIELD : 7 * _FIELD].rstrip(b"\0").decode()
