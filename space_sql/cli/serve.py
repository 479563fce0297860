"""`space-sql serve`: the datasets below a folder in a browser."""

from __future__ import annotations

import contextlib
import signal
import socket
from pathlib import Path
from typing import Annotated

import typer

from space_sql.errors import InvalidInputError, NotFoundError

_LAST_ANSWERS_WITHIN = 3


def serve(
    folder: Annotated[Path, typer.Argument(help="Where the datasets are, at any depth.")] = Path("."),
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.", min=0, max=65535)] = 8765,
    host: Annotated[str, typer.Option(help="The address to listen on; there is no login.")] = "127.0.0.1",
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A name under which others reach this server.", show_default=False)
    ] = None,
    seconds: Annotated[float, typer.Option(help="How long a statement may take.", min=0.1)] = 30.0,
) -> None:
    """Show the datasets below a folder in a browser, read-only: rows, columns, history, differences, SQL.

    Needs the extra: [cyan]pip install 'space-sql\\[serve]'[/cyan]

    [cyan]space-sql serve annotations
    space-sql serve . --port 9000[/cyan]
    """
    try:
        import uvicorn

        from space_sql.serve.app import make_app
        from space_sql.serve.guard import LOOPBACK
    except ModuleNotFoundError as error:
        raise InvalidInputError(f"{error.name} is not installed: pip install 'space-sql[serve]'") from error
    if not folder.is_dir():
        raise NotFoundError(f"no folder at {folder}")
    app = make_app(folder, hosts={*LOOPBACK, host, *(allow_host or ())}, seconds=seconds)
    config = uvicorn.Config(
        app, log_level="warning", server_header=False, timeout_graceful_shutdown=_LAST_ANSWERS_WITHIN
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as good an end as Ctrl-C
    with contextlib.suppress(KeyboardInterrupt), _listening(host, port) as listening:
        shown = f"[{host}]" if ":" in host else host
        typer.echo(f"Space SQL shows {folder} at http://{shown}:{listening.getsockname()[1]}/ (Ctrl-C ends it)")
        uvicorn.Server(config).run(sockets=[listening])


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        told = error.strerror or str(error)
        raise InvalidInputError(
            f"cannot listen on port {port} of {host}: {told}; --port names another one, and --port 0 takes a free one"
        ) from error
