"""A private folder for what a run keeps on disk meanwhile; those of dead runs are swept away by the next one."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path

from osiris_dagster.canonical import slug
from osiris_dagster.errors import RunError

_LOCK = ".lock"
_YOUNG = 60.0  # seconds; a folder this new may not have been locked yet


class Scratch:
    """The folder `<run_id>-...` below `root`. Its name is settled before it is made, so that none can be lost."""

    def __init__(self, root: Path, run_id: str) -> None:
        self.folder = root / f"{slug(run_id)}-{secrets.token_hex(4)}"
        self._handle: int | None = None

    def make(self) -> Path:
        """Make the folder with mode 700 and sweep the root; RunError when the disk does not allow it."""
        root = self.folder.parent
        try:
            root.mkdir(parents=True, exist_ok=True)
            _sweep(root)
            self.folder.mkdir(mode=0o700)
            self._handle = os.open(self.folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(self._handle, fcntl.LOCK_EX)
        except OSError as error:
            raise RunError(
                f"no scratch folder can be made in {root}: {error.strerror}",
                code="RUN021",
                fix="check the rights on this folder and the space left there",
            ) from error
        return self.folder

    def remove(self) -> None:
        """Remove the folder with all it holds. Idempotent."""
        shutil.rmtree(self.folder, ignore_errors=True)
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


def _sweep(root: Path) -> None:
    """Remove folders whose run holds its lock no longer; a lock ends with its process, also after a kill."""
    for lock in root.glob(f"*/{_LOCK}"):
        with suppress(OSError):
            if time.time() - lock.stat().st_mtime > _YOUNG:
                _remove_dead(lock)


def _remove_dead(lock: Path) -> None:
    handle = os.open(lock, os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(lock.parent, ignore_errors=True)
    finally:
        os.close(handle)
