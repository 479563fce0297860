"""How bytes reach a local disk: exclusive creation, syncing, and errors that say what to do."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path

from space_sql.errors import (
    ConflictError,
    FormatError,
    NotFoundError,
    NotSyncedError,
    ReadOnlyError,
    SpaceError,
    StorageError,
)

Signature = tuple[int, int, int]


@contextlib.contextmanager
def explained(path: str | Path) -> Iterator[None]:
    """Turn an OSError about a path into a SpaceError of one line."""
    try:
        yield
    except OSError as error:
        raise explain(error, path) from error


def explain(error: OSError, path: str | Path) -> SpaceError:
    """The SpaceError for an OSError about a path."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(f"no space left on the disk of {path}; nothing was committed: free space and try again")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return ReadOnlyError(f"no permission for {path}; nothing was committed")
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return NotFoundError(f"{path} does not exist")
    return StorageError(f"{path}: {error.strerror or error}")


def signature(path: str | Path) -> Signature | None:
    """Inode, modification time in ns and size of a file; None when it is missing."""
    try:
        stat = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise explain(error, path) from error
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def read(path: Path) -> bytes | None:
    """A file's bytes; None when it is missing."""
    try:
        with explained(path):
            return path.read_bytes()
    except NotFoundError:
        return None


def check_inside(root: Path, path: str) -> None:
    """Raise FormatError for a link that leads out of a dataset's folder: it was not made by a writer."""
    full = os.path.join(root, path)
    if os.path.islink(full):
        inside = os.path.realpath(root)
        if os.path.commonpath((inside, os.path.realpath(full))) != inside:
            raise FormatError(f"{full} is a link that leaves the dataset's folder")


def is_open_for_writing(path: Path) -> bool:
    """Whether this process writes to a file. To look at it by opening it would give up its locks.

    Where the system does not tell (it has no /proc), the answer is no.
    """
    with contextlib.suppress(OSError):
        found = os.stat(path)
        for name in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError, StopIteration, ValueError):
                if os.path.samestat(os.stat(f"/proc/self/fd/{name}"), found):
                    lines = Path("/proc/self/fdinfo", name).read_text(encoding="ascii").splitlines()
                    flags = int(next(line for line in lines if line.startswith("flags:")).split()[1], 8)
                    if flags & os.O_ACCMODE != os.O_RDONLY:
                        return True
    return False


def crc32(path: Path) -> int:
    """CRC-32 of a file's bytes."""
    value = 0
    with explained(path), path.open("rb", buffering=0) as file:
        while block := file.read(1 << 20):
            value = zlib.crc32(block, value)
    return value


def sync_file(path: Path) -> None:
    """Make a written file durable."""
    _sync(path, os.O_RDONLY)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put_if_absent(path: Path, data: bytes, *, sync: bool) -> bool:
    """Create a file with this content, whole or not at all; False when the name is taken.

    The content is written and synced under a temporary name and hard-linked to its own, so a
    reader never sees a part of it; then the folder is synced.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    with explained(path):
        try:
            _write(temporary, data, sync=sync)
            try:
                os.link(temporary, path)
            except OSError as error:
                if _is_linked(temporary, path):
                    pass  # a network file system may link and lose the answer
                elif isinstance(error, FileExistsError):
                    return False
                elif error.errno in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
                    raise StorageError(
                        f"the file system of {path.parent} has no hard links, which commits need; "
                        "put the dataset on another one"
                    ) from error
                else:
                    raise
        finally:
            with contextlib.suppress(OSError):  # by now the name is taken or not, whatever comes of this one
                temporary.unlink()
    if sync:
        try:
            sync_folder(path.parent)
        except OSError as error:
            raise NotSyncedError(
                f"{path} was written, but syncing its folder failed ({error.strerror}): "
                "it may be lost in a power failure"
            ) from error
    return True


def _write(path: Path, data: bytes, *, sync: bool) -> None:
    """Write a file that is not there yet."""
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        if sync:
            os.fsync(file.fileno())


def replace(path: Path, data: bytes, *, sync: bool) -> None:
    """Put other content in the place of a file, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    with explained(path):
        try:
            _write(temporary, data, sync=sync)
            os.replace(temporary, path)
        except BaseException:
            remove_quietly(temporary)
            raise
        if sync:
            sync_folder(path.parent)


@contextlib.contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Be the only one at work on a file; ConflictError when another process is. Its death frees the file."""
    with explained(path), open(path, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConflictError(f"another {what} is at work in {path.parent}; try again when it has ended") from error
        yield


def _is_linked(temporary: Path, path: Path) -> bool:
    """Whether both names are one file."""
    ours, found = signature(temporary), signature(path)
    return ours is not None and ours == found


def remove_quietly(path: Path) -> None:
    """Remove a file that nothing refers to; a failure leaves it for vacuum."""
    with contextlib.suppress(OSError):
        path.unlink()
