"""The hosts that are here, made when first asked for."""

from __future__ import annotations

import os
from collections.abc import Callable

import space_sql
from space_sql.hosts.extension import compiler
from tests.hosts.extension import ExtensionHost, built
from tests.hosts.node import NodeHost, missing
from tests.hosts.python import PythonHost
from tests.hosts.shell import ShellHost, shell
from tests.sqllogic import Host


class Absent(Exception):
    """A host that is not here; the text says what is missing."""


def _python() -> Host:
    return PythonHost(space_sql.connect)


def _extension() -> Host:
    _load()
    return ExtensionHost()


def _shell() -> Host:
    program = shell()
    if program is None:
        raise Absent("duckdb-cli is not installed: `pip install duckdb-cli`")
    return ShellHost(program, _load(), ["-unsigned"])


def _node() -> Host:
    if why := missing():
        raise Absent(why)
    return NodeHost(_load(), {"allow_unsigned_extensions": "true"})


def _load() -> list[str]:
    if compiler.command() is None:
        raise Absent("the extension needs a C compiler")
    return [f"LOAD '{built()}'"]


_ALL: dict[str, Callable[[], Host]] = {"python": _python, "extension": _extension, "shell": _shell, "node": _node}
HOSTS = {name: _ALL[name] for name in os.environ.get("SPACE_SQL_HOSTS", ",".join(_ALL)).split(",")}
"""Those of this run: SPACE_SQL_HOSTS=python,shell chooses some."""
_made: dict[str, Host] = {}


def host(name: str) -> Host:
    """The host of this name, one for the whole run; Absent says why there is none."""
    if name not in _made:
        _made[name] = HOSTS[name]()
    return _made[name]


def close() -> None:
    """End what the hosts have started."""
    while _made:
        _, host = _made.popitem()
        if isinstance(host, NodeHost):
            host.close()
