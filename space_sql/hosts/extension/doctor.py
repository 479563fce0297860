"""What the extension needs on this machine, one finding a thing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from space_sql.hosts.extension import build, compiler, install

_TRY = "LOAD space; SELECT count(*) FROM duckdb_functions() WHERE function_name = 'space_scan'"
_IN_PYTHON = """
import duckdb
con = duckdb.connect(config={"allow_unsigned_extensions": "true"})
con.execute("LOAD space")
"""


@dataclass(frozen=True)
class Finding:
    """One thing, whether it is as it must be, and what to do if not."""

    what: str
    fine: bool
    found: str
    remedy: str = ""


def findings() -> Iterator[Finding]:
    """The compiler, the headers, Python's library, and for each DuckDB whether it loads."""
    yield _compiler()
    yield Finding("headers", True, "none are needed, neither Python's nor DuckDB's")
    yield _library()
    for client in install.clients():
        yield from _client(client)


def _compiler() -> Finding:
    command = compiler.command()
    if command:
        return Finding("C compiler", True, command[0])
    if install.SHIPPED.exists():
        return Finding("C compiler", True, f"not needed: this package carries {install.SHIPPED.name}")
    return Finding(
        "C compiler", False, "none found", "apt install gcc, xcode-select --install, or name one in the variable CC"
    )


def _library() -> Finding:
    library = build.libpython()
    if library:
        return Finding("libpython", True, str(library))
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return Finding(
        "libpython",
        False,
        f"{sys.executable} has none that is shared, which only DuckDBs outside of Python need",
        f"apt install libpython{version}, or a Python from uv, conda or pyenv (with --enable-shared)",
    )


def _client(client: install.Client) -> Iterator[Finding]:
    what = f"{client.name}, DuckDB {client.version}"
    if not client.supported:
        yield Finding(what, False, "too old", "Space SQL needs DuckDB 1.5 or later")
        return
    if not client.file.exists():
        yield Finding(what, False, f"no {client.file}", "space-sql extension install")
        return
    yield Finding(what, True, str(client.file))
    if client.name == "Python":
        run = subprocess.run([sys.executable, "-c", _IN_PYTHON], capture_output=True, text=True, check=False)
        permission = 'duckdb.connect(config={"allow_unsigned_extensions": "true"})'
    else:
        run = install.in_shell(client.name, _TRY, "-unsigned")
        permission = "start it as duckdb -unsigned; it cannot be set later, nor in ~/.duckdbrc"
    if run.returncode == 0:
        yield Finding(f"{what}, LOAD space", True, f"works once unsigned extensions are allowed: {permission}")
    else:
        lines = run.stderr.strip().splitlines() or ["no answer"]
        yield Finding(f"{what}, LOAD space", False, lines[-1], "space-sql extension install")
