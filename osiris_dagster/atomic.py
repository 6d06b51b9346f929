"""Write a file so that a reader sees the old bytes or the new ones, never a part of them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(target: Path, *, mode: int = 0o644, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside `target`; on a clean exit it is synced and renamed over it, else removed.

    Without `durable` it is not synced, which is ten times faster: for what can be made again and is checked when read.
    Raises OSError (full disk, no permission) with `target` untouched.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name[:80]}.", suffix=".tmp", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        if durable:
            synced(temporary)
        temporary.chmod(mode)
        temporary.replace(target)
        if durable:
            synced(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(target: Path, data: bytes | str, *, durable: bool = True) -> None:
    """Replace the content of `target`; text is written as UTF-8 with the newlines it has."""
    with replacing(target, durable=durable) as temporary:
        temporary.write_bytes(data.encode() if isinstance(data, str) else data)


def synced(path: Path) -> None:
    """Make what was written to a file or folder survive a crash."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
