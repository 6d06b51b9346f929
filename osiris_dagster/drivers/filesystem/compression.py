"""Compressed files as plain byte streams, by the name of the method or by the suffix of the file."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from osiris_dagster.drivers.filesystem.files import Sink
from osiris_dagster.errors import DriverError

_SUFFIXES = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz", ".zip": "zip"}
_MEMBER_TIME = (1980, 1, 1, 0, 0, 0)  # equal rows make equal files
FAULTS = (OSError, lzma.LZMAError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)
"""What the readers below raise for a damaged, encrypted or unreadable file."""

_FILES: dict[str, Any] = {
    "gzip": lambda file, mode: gzip.GzipFile("", mode, fileobj=file, mtime=0),
    "bz2": bz2.BZ2File,
    "xz": lzma.LZMAFile,
}


def method_of(configured: str, path: Path) -> str:
    """Return gzip, bz2, xz, zip or none; `infer` looks at the suffix."""
    return _SUFFIXES.get(path.suffix.lower(), "none") if configured == "infer" else configured


@contextmanager
def opened(path: Path, method: str) -> Iterator[BinaryIO]:
    """Open a file for reading; DriverError for an archive that does not hold exactly one file."""
    with path.open("rb", buffering=0 if method == "none" else -1) as file:
        if method == "none":
            yield file
        elif method == "zip":
            with zipfile.ZipFile(file) as archive, archive.open(_only_member(archive, path)) as member:
                yield cast("BinaryIO", member)
        else:
            with _FILES[method](file, "rb") as reader:
                yield reader


@contextmanager
def compressing(sink: Sink, method: str, member: str) -> Iterator[BinaryIO]:
    """Yield where to write plain bytes; `member` is their name inside a zip archive."""
    if method == "none":
        yield cast("BinaryIO", sink)
    elif method == "zip":
        info = zipfile.ZipInfo(member, _MEMBER_TIME)
        info.compress_type = zipfile.ZIP_DEFLATED
        with (
            zipfile.ZipFile(cast("BinaryIO", sink), "w") as archive,
            archive.open(info, "w", force_zip64=True) as entry,
        ):
            yield cast("BinaryIO", entry)
    else:
        with _FILES[method](sink, "wb") as writer, io.BufferedWriter(writer, 1 << 20) as buffered:
            yield cast("BinaryIO", buffered)


def _only_member(archive: zipfile.ZipFile, path: Path) -> str:
    members = [info.filename for info in archive.infolist() if not info.is_dir()]
    if len(members) != 1:
        raise DriverError(
            f"the archive {path.name} holds {len(members)} files",
            code="DRV043",
            found=", ".join(members[:5]) or "no file",
            expected="one file",
            fix="unpack it, or make an archive of one file",
        )
    return members[0]
