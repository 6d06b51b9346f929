"""Decodes a text file to UTF-8, without byte order mark and comment lines; damage is named."""

from __future__ import annotations

import codecs
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from osiris_dagster.drivers.filesystem.compression import FAULTS, method_of, opened
from osiris_dagster.drivers.filesystem.csv_options import ReadOptions
from osiris_dagster.errors import DriverError

CHUNK = 1 << 20
"""Bytes read, and then parsed, at once; larger ones need more memory and gain no speed."""


def decoded(path: Path, options: ReadOptions) -> Generator[bytes]:
    """Yield the text; what is called UTF-8 is not checked here but where it is parsed.

    Raises DriverError for a damaged file and for bytes that the encoding does not know.
    """
    chunks = _utf8(path, options)
    return _without_comments(chunks, options.comment.encode()) if options.comment else chunks


def _utf8(path: Path, options: ReadOptions) -> Generator[bytes]:
    decoder = None if options.encoding == "utf-8" else codecs.getincrementaldecoder(options.encoding)()
    first = True
    for data in _bytes(path, options):
        try:
            text = data if decoder is None else decoder.decode(data, final=not data).encode()
        except UnicodeDecodeError as error:
            raise not_encoded(path, options.encoding, error) from error
        if text:
            yield text.removeprefix(codecs.BOM_UTF8) if first else text
            first = False


def _bytes(path: Path, options: ReadOptions) -> Iterator[bytes]:
    """Yield the bytes of the file, then nothing once."""
    with _damage(path):
        source = opened(path, method_of(options.compression, path))
        file = source.__enter__()
    try:
        data = b"more"
        while data:
            with _damage(path):
                data = file.read(CHUNK)
            yield data
    finally:
        with _damage(path):
            source.__exit__(None, None, None)


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    try:
        yield
    except FAULTS as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise DriverError(
            f"{path.name} cannot be read: {reason}",
            code="DRV043",
            found=reason,
            expected="a readable, complete file",
            fix="check the file, the rights on it, and `compression`",
        ) from error


def _without_comments(chunks: Iterator[bytes], mark: bytes) -> Generator[bytes]:
    """Drop lines that begin with the mark, unless they are inside of a quoted field."""
    held, quoted = b"", False
    for chunk in chunks:
        lines = (held + chunk).splitlines(keepends=True)
        held = lines.pop()  # it may go on in the next chunk
        kept = []
        for line in lines:
            if quoted or not line.startswith(mark):
                kept.append(line)
                quoted ^= line.count(b'"') % 2 == 1
        if kept:
            yield b"".join(kept)
    if held and (quoted or not held.startswith(mark)):
        yield held


def not_encoded(path: Path, encoding: str, error: UnicodeDecodeError) -> DriverError:
    """Return the error for text in another encoding than the configuration says."""
    return DriverError(
        f"{path.name} is not {encoding} text: {error.reason}",
        code="DRV044",
        found=f"byte 0x{error.object[error.start]:02x}" if error.start < len(error.object) else "its end",
        expected=f"{encoding} text",
        fix="set `encoding`, e.g. to latin-1 or utf-16",
    )
