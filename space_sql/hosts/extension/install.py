"""Where DuckDB looks for the extension, and putting it there for every DuckDB at hand."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import duckdb

from space_sql.errors import InvalidInputError, NotFoundError
from space_sql.hosts.extension import build, compiler

SHIPPED = Path(__file__).parent / build.FILE
_ASK = (
    "SELECT version(), (SELECT platform FROM pragma_platform()), "
    "coalesce(nullif(current_setting('extension_directory'), ''), '~/.duckdb/extensions')"
)
_SECONDS = 20


@dataclass(frozen=True)
class Client:
    """A DuckDB on this machine: what it is called, its version and platform, and where it keeps extensions."""

    name: str
    version: str
    platform: str
    extensions: Path

    @property
    def file(self) -> Path:
        """Where `LOAD space` looks."""
        return self.extensions / self.version / self.platform / build.FILE

    @property
    def supported(self) -> bool:
        """Whether it is DuckDB 1.5 or later."""
        major, _, rest = self.version.removeprefix("v").partition(".")
        minor = rest.partition(".")[0]
        return not (major.isdigit() and minor.isdigit()) or (int(major), int(minor)) >= (1, 5)


def clients() -> list[Client]:
    """This Python's DuckDB, and the shell's when `duckdb` is on the PATH and answers."""
    with duckdb.connect() as con:
        told = con.execute(_ASK).fetchall()[0]
    found = [_client("Python", *told)]
    shell = shutil.which("duckdb")
    if shell:
        told_by_shell = in_shell(shell, _ASK + ";")
        fields = told_by_shell.stdout.strip().split("|")
        if told_by_shell.returncode == 0 and len(fields) == 3:
            found.append(_client(shell, *fields))
    return found


def _client(name: str, version: str, platform: str, extensions: str) -> Client:
    return Client(name, version, platform, Path(extensions).expanduser())


def in_shell(shell: str, sql: str, *options: str) -> subprocess.CompletedProcess[str]:
    """What a DuckDB shell answers, without its start-up file; a return code of 1 when it does not answer."""
    command = [shell, "-init", "/dev/null", "-noheader", "-list", *options, "-c", sql]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))


def for_version(version: str) -> Client:
    """A DuckDB that is not at hand, such as that of Node or a BI tool, by its version."""
    like = clients()[0]
    return Client(f"DuckDB {version}", "v" + version.removeprefix("v"), like.platform, like.extensions)


def install(client: Client) -> Path:
    """Put the extension where a DuckDB's `LOAD space` finds it, with the record of this Python beside it.

    Raises:
        InvalidInputError: the DuckDB is too old, or there is no C compiler and none was shipped.
        StorageError: it does not compile, or the folder cannot be written.
    """
    if not client.supported:
        raise InvalidInputError(f"DuckDB {client.version} is too old: Space SQL needs DuckDB 1.5 or later")
    target = client.file
    build.publish(target.with_name(build.RECORD), build.record().encode())
    shipped = SHIPPED.read_bytes() if SHIPPED.exists() else b""
    if compiler.platform_of(shipped) == client.platform:
        return build.publish(target, shipped)
    return build.build(target, client.platform)


def installed() -> Path:
    """The file to name in LOAD; NotFoundError when none is installed."""
    for client in clients():
        if client.file.exists():
            return client.file
    raise NotFoundError("the extension is not installed: run `space-sql extension install`")
