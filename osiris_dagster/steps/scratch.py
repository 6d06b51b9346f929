"""Private folders for what a run keeps on disk meanwhile; those of dead runs are swept away by the next one."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from osiris_dagster.canonical import slug
from osiris_dagster.errors import RunError

_LOCK = ".lock"
_YOUNG = 60.0  # seconds; a folder this new may not have been locked yet


@contextmanager
def private_folder(root: Path, run_id: str) -> Iterator[Path]:
    """Yield a new folder `<run_id>-...` below `root` with mode 700, and remove it with all it holds.

    Raises RunError when the disk does not allow it.
    """
    folder, handle = _make(root, run_id)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _make(root: Path, run_id: str) -> tuple[Path, int]:
    try:
        root.mkdir(parents=True, exist_ok=True)
        _sweep(root)
        folder = Path(tempfile.mkdtemp(prefix=f"{slug(run_id)}-", dir=root))
        handle = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError as error:
        raise RunError(
            f"no scratch folder can be made in {root}: {error.strerror}",
            code="RUN021",
            fix="check the rights on this folder and the space left there",
        ) from error
    return folder, handle


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
