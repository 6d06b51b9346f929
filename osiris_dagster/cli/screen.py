"""Progress on standard error: one line that is rewritten on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import shutil
import sys

from osiris_dagster.redaction import PROCESS

_ERASE = "\r\x1b[2K"


class Screen:
    """Shows lines. Keeps its own handle: Dagster redirects standard error while a step runs."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = False
        self._terminal = sys.stderr.isatty()
        self._out = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace")

    def say(self, line: str, *, live: bool = False) -> None:
        """Show a line; live ones only where they can be rewritten."""
        if self._quiet or (live and not self._terminal):
            return
        line = PROCESS.known(line)
        if self._live:
            self._out.write(_ERASE)
        if live:
            self._out.write(line[: shutil.get_terminal_size().columns - 1])
        else:
            self._out.write(f"{line}\n")
        self._live = live
        self._out.flush()

    def close(self) -> None:
        """Erase what is still live, and let go of the handle."""
        if self._live:
            self._out.write(_ERASE)
        self._out.close()
