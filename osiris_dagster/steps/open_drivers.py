"""The drivers that are open now: closed exactly once by who opened them, canceled meanwhile by who stops the run."""

from __future__ import annotations

import threading
from typing import Generic, Protocol, TypeVar


class Interruptible(Protocol):
    """What is opened, may be interrupted from another thread, and is closed once: a driver, or a table of checks."""

    def cancel(self) -> None:
        """Make a call that is under way end soon."""
        ...

    def close(self) -> None:
        """Release everything."""
        ...


D = TypeVar("D", bound=Interruptible)
D_co = TypeVar("D_co", bound=Interruptible, covariant=True)


class OpenDriver(Generic[D_co]):
    """One driver between its opening and its closing."""

    def __init__(self, driver: D_co) -> None:
        self.driver = driver
        self._closed = False
        self._lock = threading.Lock()

    def cancel(self) -> None:
        """Interrupt the driver, unless it is being closed."""
        with self._lock:
            if not self._closed:
                try:
                    self.driver.cancel()
                except BaseException:  # noqa: BLE001 - it will be asked again, and the others must be interrupted too
                    return

    def close(self) -> BaseException | None:
        """Close the driver and return what went wrong with that."""
        with self._lock:
            self._closed = True
        try:
            self.driver.close()
        except BaseException as error:  # noqa: BLE001 - goes into the step's notes: its rows are committed by now
            return error
        return None


class OpenDrivers:
    """All open drivers of one execution."""

    def __init__(self) -> None:
        self._open: dict[OpenDriver[Interruptible], None] = {}
        self._lock = threading.Lock()

    def add(self, driver: D) -> OpenDriver[D]:
        """Follow a driver that was just made."""
        opened = OpenDriver(driver)
        with self._lock:
            self._open[opened] = None
        return opened

    def close(self, opened: OpenDriver[Interruptible]) -> BaseException | None:
        """Close a driver and forget it; return what went wrong with that."""
        error = opened.close()
        with self._lock:
            del self._open[opened]
        return error

    def cancel(self) -> None:
        """Interrupt all of them, the last opened first."""
        with self._lock:
            opened = list(self._open)
        for each in reversed(opened):
            each.cancel()
