"""OML files that verbs change: read, changed as text, and replaced only when they are still what was read."""

from __future__ import annotations

import difflib
import stat
from collections.abc import Callable
from pathlib import Path

from osiris_dagster.atomic import replacing
from osiris_dagster.errors import ConfigError, Diagnostic
from osiris_dagster.oml.document import Document
from osiris_dagster.oml.fix import fix
from osiris_dagster.oml.layout import MeaningChanged
from osiris_dagster.oml.masking import shown_text, with_sources
from osiris_dagster.oml.render import plain
from osiris_dagster.oml.validate import Validation
from osiris_dagster.settings import read_oml

_BOM = b"\xef\xbb\xbf"


def fix_file(
    path: Path, shown: str, check: Callable[[str | bytes], Validation]
) -> tuple[tuple[Diagnostic, ...], Validation]:
    """Make the safe fixes of a file; return what was mended, and what the validator says now."""
    data = read_oml(path, shown)
    first = check(data)
    done = fix(first, check) if first.diagnostics else None
    if done is None or not done.mended:
        return (), first
    replace_text(path, shown, data, done.text)
    return done.mended, done.validation


def changed(document: Document, change: Callable[[Document], str]) -> tuple[str, tuple[Diagnostic, ...]]:
    """Return the text that a change of the whole document gives; or why it cannot be made, and the text as it is."""
    if not document.whole or document.faults:
        return document.text, with_sources(document.faults, document, ())
    if not isinstance(document.value, dict):
        fault = Diagnostic(
            "OML020",
            "the document is not a mapping",
            place=document.place(()),
            expected="oml_version, name, steps",
            fix="begin with these three keys",
        )
        return document.text, with_sources([fault], document, ())
    try:
        return change(document), ()
    except MeaningChanged:
        fault = Diagnostic(
            "CLI011",
            "the file cannot be changed without a change of meaning or the loss of a comment",
            place=document.place(()),
            expected="a layout that is read in one way only",
            fix="write the part in an ordinary way: no `? key`, no text or comment in an odd column",
        )
        return document.text, (fault,)


def replace_text(path: Path, shown: str, before: bytes, text: str) -> None:
    """Write the new text of a file with its mark and its permissions; ConfigError when it changed meanwhile."""
    if read_oml(path, shown) != before:
        raise ConfigError(
            f"{shown} was changed by somebody else meanwhile; nothing was written",
            code="CLI010",
            found="another content than was read",
            expected="the file as it was read",
            fix="save it everywhere and try again",
        )
    target = path.resolve()
    with replacing(target, mode=stat.S_IMODE(target.stat().st_mode)) as temporary:
        temporary.write_bytes((_BOM if before.startswith(_BOM) else b"") + text.encode())


def diff(before: Document, after: str) -> str:
    """Return the unified diff of a document and its new text, safe for a terminal and without secrets."""
    old, new = shown_text(before), shown_text(Document(before.file, after))
    shown = before.file
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), f"a/{shown}", f"b/{shown}", lineterm="")
    return plain("\n".join(lines))
