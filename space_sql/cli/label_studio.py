"""`space-sql label-studio`: a project's datasets kept up to date, by asking and by being told."""

from __future__ import annotations

import ipaddress
import logging
import os
import time
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from space_sql.dataset.transact import Options
from space_sql.errors import ConflictError, InvalidInputError, SpaceError
from space_sql.interop.label_studio.datasets import Row
from space_sql.interop.label_studio.media import Media

label_studio = typer.Typer(
    name="label-studio",
    no_args_is_help=True,
    help="A Label Studio project as datasets: pulled, and kept up to date by its webhooks.",
)

SECRET = "LABEL_STUDIO_WEBHOOK_SECRET"

_Project = Annotated[str, typer.Argument(metavar="PROJECT_URL", help="As the browser shows it: http://…/projects/2.")]
_Path = Annotated[str, typer.Argument(metavar="PATH", help="The folder of the datasets.")]
_Branch = Annotated[str | None, typer.Option("--branch", help="Write to this branch; it is made where it is missing.")]
_Media = Annotated[str | None, typer.Option("--media", help="A key of the tasks' data whose files are kept.")]
_Root = Annotated[
    str | None, typer.Option("--media-root", help="Their folder; else they are fetched from their addresses.")
]


@label_studio.command()
def sync(
    project_url: _Project,
    path: _Path,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until stopped.")] = False,
    every: Annotated[float, typer.Option("--every", help="Seconds between two looks.", min=0.1)] = 10.0,
    branch: _Branch = None,
    media: _Media = None,
    media_root: _Root = None,
    rate: Annotated[float, typer.Option("--rate", help="Requests a second, at most.", min=0.1)] = 20.0,
    anew: Annotated[
        bool, typer.Option("--all", help="Look at all tasks again: what was changed only here is taken back.")
    ] = False,
) -> None:
    """Bring the datasets tasks, annotations and regions below PATH up to a project.

    The first time all of it is fetched, then what changed there. Each run is one snapshot of each dataset
    that changes. The token is taken from the environment variable LABEL_STUDIO_API_KEY.

    [cyan]space-sql label-studio sync http://localhost:8080/projects/2 reviews
    space-sql label-studio sync http://localhost:8080/projects/2 reviews --watch[/cyan]
    """
    from space_sql.interop.label_studio.server import Server
    from space_sql.interop.label_studio.sync import sync as bring

    console = Console(highlight=False)
    files = Media.of(media, media_root)
    with Server(project_url, rate=rate) as server:
        while True:
            try:
                with _progress(console) as bar:
                    moved = partial(_move, bar, bar.add_task("tasks", total=None))
                    rows = bring(server, path, Options(branch=branch), media=files, anew=anew, progress=moved)
                anew = False
                _print(console, rows, quiet=watch)
            except SpaceError as error:
                if not watch or isinstance(error, InvalidInputError):
                    raise
                Console(stderr=True).print(error.line, markup=False, soft_wrap=True)
            if not watch:
                return
            time.sleep(every)


@label_studio.command()
def serve(
    path: _Path,
    project_url: Annotated[
        str | None, typer.Option("--project", help="Take only its events, and look at it now and then.")
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port")] = 8378,
    header: Annotated[str, typer.Option("--header", help="The header that holds the secret.")] = "Authorization",
    every: Annotated[float, typer.Option("--every", help="Seconds between two looks.", min=1)] = 300.0,
    register: Annotated[
        str | None, typer.Option("--register", metavar="URL", help="Have the project send its events to this address.")
    ] = None,
    rate: Annotated[float, typer.Option("--rate", help="Events a second, at most.", min=0.1)] = 200.0,
    size: Annotated[int, typer.Option("--size", help="Bytes of an event, at most.", min=1)] = 32 * 1024 * 1024,
    branch: _Branch = None,
    media: _Media = None,
    media_root: _Root = None,
) -> None:
    """Receive a project's webhooks and write what they tell to the datasets below PATH.

    An event that was answered is on the disk: it is written even if this process is killed. What events never tell
    (edited data, predictions, bulk changes) is fetched from the project now and then. The secret is taken from the
    environment variable LABEL_STUDIO_WEBHOOK_SECRET; without one, only this machine is listened to.

    [cyan]space-sql label-studio serve reviews --project http://localhost:8080/projects/2 --register http://localhost:8378/[/cyan]
    """
    from space_sql.dataset.dataset import folder
    from space_sql.interop.label_studio.place import Place
    from space_sql.interop.label_studio.queue import Queue
    from space_sql.interop.label_studio.receiver import Limits, application
    from space_sql.interop.label_studio.writer import Writer

    secret = os.environ.get(SECRET) or None
    if secret is None and not _is_loopback(host):
        raise InvalidInputError(f"to listen at {host}, set {SECRET}: others could send events too")
    if register is not None and project_url is None:
        raise InvalidInputError("--register needs --project: the project that is to send its events")
    place = Place(folder(path))
    options = Options(branch=branch)
    files = Media.of(media, media_root)
    logging.getLogger("space_sql.label_studio").addHandler(logging.StreamHandler())
    project, reconcile, fetch, users = None, None, None, dict[int, str]()
    if project_url is not None:
        from space_sql.interop.label_studio.server import Server
        from space_sql.interop.label_studio.sync import sync as bring

        server = Server(project_url)
        project, fetch = server.project, server.fetch

        def reconcile() -> object:
            users.update(server.users())
            try:
                return bring(server, path, options, media=files)
            except ConflictError:  # a sync in another process does the same
                return None

        if register is not None:
            server.register(register, {header: secret} if secret is not None else {})
            users.update(server.users())
    with place.alone("receiver"):
        queue = Queue(place)
        writer = Writer(queue, path, options, files, reconcile=reconcile, every=every, users=users, fetch=fetch)
        limits = Limits(secret=secret, header=header, project=project, size=size, rate=rate)
        app = application(queue, writer, limits)
        try:
            import uvicorn
        except ImportError as error:
            raise InvalidInputError(f"serving needs {error.name}: pip install 'space-sql[label-studio]'") from error
        uvicorn.run(app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=10)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _move(bar: Progress, shown: TaskID, _: str, done: int, total: int) -> None:
    bar.update(shown, completed=done, total=total)


def _print(console: Console, rows: list[Row], *, quiet: bool) -> None:
    if not rows and not quiet:
        console.print("nothing changed")
    for row in rows:
        counts = f"+{row['rows_inserted']} ~{row['rows_updated']} -{row['rows_deleted']}"
        name = Path(row["path"]).name
        if not quiet or counts != "+0 ~0 -0":
            console.print(f"{name}: {counts}, snapshot {row['snapshot_id']}", markup=False)
