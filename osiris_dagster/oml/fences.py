"""Markdown round a document, as chats and models write it: found, and the change that takes it off."""

from __future__ import annotations

import re

from osiris_dagster.errors import Diagnostic, Edit
from osiris_dagster.oml.text import place_at

_FENCE = re.compile(r"^(?:```|~~~)[\w-]*[ \t]*\r?(?:\n|\Z)", re.MULTILINE)


def fence_fault(text: str, file: str) -> Diagnostic | None:
    """Return the finding about a line of ``` or ~~~ in the first column, where YAML can have none; None without one."""
    if "```" not in text and "~~~" not in text:
        return None
    fences = list(_FENCE.finditer(text))
    if not fences:
        return None
    first, last = fences[0], fences[-1]
    opens = len(fences) > 1 or not text[: first.start()].strip()
    cuts = [(0, first.end()) if opens else (first.start(), len(text))]
    if len(fences) > 1:
        cuts.append((fences[1].start(), len(text)))
    outside = (
        [text[: first.start()], text[last.end() :]] if len(fences) > 1 else [text[first.end() :] if not opens else ""]
    )
    safe = len(fences) <= 2 and not any(part.strip() for part in outside)
    return Diagnostic(
        "OML110",
        "Markdown stands round the document",
        place=place_at(text, first.start(), file, len(first[0].strip())),
        found=first[0].strip(),
        expected="the YAML alone",
        fix="delete the lines of the fence" if safe else "delete the fence and everything outside of it",
        edits=tuple(
            Edit(place_at(text, begin, file), place_at(text, end, file), begin, end, "", safe) for begin, end in cuts
        ),
    )
