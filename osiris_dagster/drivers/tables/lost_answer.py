"""What became of a commit whose answer was lost: asked over another connection."""

from __future__ import annotations

from collections.abc import Callable

from osiris_dagster.errors import DriverError


def unless_committed(lost: DriverError, happened: Callable[[], bool], unknown: Callable[[str], DriverError]) -> None:
    """Return if the commit happened, raise `lost` if it did not, and `unknown`, with the reason, if nobody can say.

    A commit that may have happened is never told to have failed: its rows would be written twice.
    """
    try:
        committed = happened()
    except DriverError as error:
        if error.retryable == "ambiguous":
            raise
        raise unknown(error.first.message) from error
    if not committed:
        raise lost
