"""A request that is made again while the server is busy or away for a moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from space_sql.errors import InvalidInputError, StorageError

if TYPE_CHECKING:
    import httpx
    import tenacity

_LONGEST = 120.0
_BUSY = {408, 425, 429, 500, 502, 503, 504}
_REFUSED = (401, 425, 429, 503)
_Answer = TypeVar("_Answer")


class Unsure(StorageError):
    """A request that must not be made twice may have been done or not."""


class Busy(Exception):
    """The server asks to come again, ``after`` so many seconds where it says so; ``refused``: it did nothing."""

    def __init__(self, status: int, after: float | None) -> None:
        super().__init__(str(status))
        self.after = after
        self.refused = status in _REFUSED


def check_busy(answer: httpx.Response) -> None:
    """Raise Busy for an answer that asks to come again."""
    if answer.status_code in _BUSY:
        told = answer.headers.get("Retry-After", "")
        raise Busy(answer.status_code, float(told) if told.isdecimal() else None)


def patiently(request: Callable[[], _Answer], what: str, attempts: int, pause: float, *, again: bool = True) -> _Answer:
    """The answer to a request; ``what`` names it in errors.

    Args:
        attempts: how often it is made.
        pause: seconds to wait at first, at most; twice as many each time.
        again: whether it may be made again also when it may have been done.

    Raises:
        StorageError: there was none in so many attempts.
    """
    httpx = library()
    import tenacity

    fallback = tenacity.wait_random_exponential(multiplier=pause, max=30)

    def is_worth_it(error: BaseException) -> bool:
        if isinstance(error, Busy):
            return again or error.refused
        return again and isinstance(error, httpx.TransportError)

    def wait(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        asked = error.after if isinstance(error, Busy) else None
        return min(asked, _LONGEST) if asked is not None else float(fallback(state))

    tries = tenacity.Retrying(
        retry=tenacity.retry_if_exception(is_worth_it),
        stop=tenacity.stop_after_attempt(attempts),
        wait=wait,
        reraise=True,
    )
    try:
        answer: _Answer = tries(request)
        return answer
    except Busy as error:
        raise StorageError(f"the server answered {error} to {what}, {attempts} times") from error
    except httpx.TransportError as error:
        told = str(error) or type(error).__name__
        raise StorageError(f"no answer to {what}: {told} ({attempts} attempts)") from error


def library() -> Any:
    """The module httpx.

    Raises:
        InvalidInputError: what talks to servers is not installed.
    """
    try:
        import httpx
        import tenacity  # noqa: F401
    except ImportError as error:
        raise InvalidInputError(
            f"talking to Label Studio needs {error.name}: pip install 'space-sql[label-studio]'"
        ) from error
    return httpx
