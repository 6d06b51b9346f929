"""How a driver ends on request: another thread sets a flag, and the work raises at its next step."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from osiris_dagster.errors import DriverError


def canceled() -> DriverError:
    """Return the error of a call that `cancel` ended."""
    return DriverError("the step was canceled", code="DRV028", fix="run the step again", retryable="transient")


class StopSign:
    """Set once, by any thread."""

    def __init__(self) -> None:
        self.event = threading.Event()

    def set(self) -> None:
        """Ask the work to end. Idempotent."""
        self.event.set()

    def check(self) -> None:
        """Raise DriverError once the sign is set."""
        if self.event.is_set():
            raise canceled()


class Interruptible(Protocol):
    """A session whose statement under way another thread can end."""

    def interrupt(self) -> None:
        """End the statement under way."""
        ...

    def close(self) -> None:
        """End the session."""
        ...


Session = TypeVar("Session", bound=Interruptible)


class Switch(Generic[Session]):
    """Ends the statements of one step from another thread: those under way and those to come."""

    def __init__(self) -> None:
        self.stopped = StopSign()
        self._lock = threading.Lock()
        self._sessions: list[Session] = []

    def add(self, session: Session) -> Session:
        """Follow a session until `close`."""
        with self._lock:
            self._sessions.append(session)
        return session

    def cancel(self) -> None:
        """Interrupt every session. Idempotent; one that is between two statements is stopped by the sign."""
        self.stopped.set()
        with self._lock:
            for session in self._sessions:
                session.interrupt()

    def close(self) -> None:
        """Close the sessions. Idempotent."""
        with self._lock:
            while self._sessions:
                self._sessions.pop().close()

    @contextmanager
    def session(self, session: Session) -> Iterator[Session]:
        """Follow a session for the length of a block, then close it."""
        self.add(session)
        try:
            yield session
        finally:
            with self._lock:
                self._sessions.remove(session)
            session.close()


class Switched(Generic[Session]):
    """The work of one step, which its switch ends."""

    def __init__(self, switch: Switch[Session]) -> None:
        self._switch = switch

    def cancel(self) -> None:
        """End the statement under way and refuse further ones; what is not committed is undone. Idempotent."""
        self._switch.cancel()

    def close(self) -> None:
        """End the sessions. Idempotent."""
        self._switch.close()
