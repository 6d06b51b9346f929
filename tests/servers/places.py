"""Where the servers of tests keep their files."""

from __future__ import annotations

import shutil
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ROOM = 2 << 30


def in_memory() -> Path | None:
    """Return a folder in memory: tests make and drop thousands of tables. None where there is none, or little room."""
    return _MEMORY if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM else None
