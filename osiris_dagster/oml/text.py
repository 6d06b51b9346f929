"""Bytes or text in, checked text out: size, encoding and characters, before any parser sees it."""

from __future__ import annotations

import re

from osiris_dagster.errors import Diagnostic, Place

MAX_BYTES = 2 * 1024 * 1024
_BOM = "\ufeff"
# What YAML does not allow, and the three line breaks that YAML 1.1 and 1.2 read differently.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_LEGACY_BREAKS = "\x85\u2028\u2029"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Refused(Exception):  # noqa: N818 - carries one diagnostic to the composer's border, never further
    """Reading cannot go on; `diagnostic` says why."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def read_text(data: str | bytes, file: str) -> str:
    """Return the text without a byte order mark; Refused when it is too long, not UTF-8 or has control characters."""
    if isinstance(data, bytes):
        _check_size(len(data), file)
        text = _decoded(data, file)
    else:
        _check_size(len(data), file)
        text = data
    text = text.removeprefix(_BOM)
    bad = _FORBIDDEN.search(text)
    if bad:
        raise Refused(_bad_character(text, bad.start(), file))
    if not text.isascii():
        _check_size(len(text.encode()), file)
    return text


def place_at(text: str, index: int, file: str, length: int = 1) -> Place:
    """Return the place of a character index."""
    before = text[:index].replace("\r\n", "\n").replace("\r", "\n")
    return Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"), length)


def _check_size(size: int, file: str) -> None:
    if size > MAX_BYTES:
        raise Refused(
            Diagnostic(
                "OML003",
                "the document is too large",
                place=Place(file),
                found=f"{size:,} bytes",
                expected=f"at most {MAX_BYTES:,} bytes",
                fix="split it into several pipelines; data belongs into files that a step reads",
            )
        )


def _decoded(data: bytes, file: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        place = place_at(data[: error.start].decode("utf-8", "replace"), error.start, file)
        kind = "UTF-16" if data.startswith(_UTF16) else f"byte 0x{data[error.start]:02x}"
        raise Refused(
            Diagnostic(
                "OML002",
                "the document is not UTF-8",
                place=place,
                found=kind,
                expected="text in UTF-8",
                fix="save the file as UTF-8",
            )
        ) from None


def _bad_character(text: str, index: int, file: str) -> Diagnostic:
    char = text[index]
    legacy = char in _LEGACY_BREAKS
    return Diagnostic(
        "OML002",
        f"the character U+{ord(char):04X} is not allowed in a document",
        place=place_at(text, index, file),
        found=f"U+{ord(char):04X}",
        expected="line breaks written as LF or CRLF" if legacy else "printable text, tabs and line breaks",
        fix=f'delete it, or write it as an escape in double quotes: "\\u{ord(char):04x}"',
    )
