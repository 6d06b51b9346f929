"""The only masking code: known secret values, texts that look like secrets, and exceptions as clean `ErrorInfo`."""

from __future__ import annotations

import base64
import re
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from osiris_dagster.errors import ErrorInfo, Frame, OsirisError, Retryable

MASK = "[REDACTED]"
_SHORTEST = 4
# The look-behind keeps the search linear: no start within a run of scheme characters.
_DSN_USER = re.compile(r"(?P<scheme>(?<![a-z0-9+.-])[a-z0-9+.-]+://)(?P<user>[^\s/@'\"]+)@", re.IGNORECASE)
_SHAPES = {
    "private key": re.compile(
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
    ),
    "access token": re.compile(
        r"AKIA[0-9A-Z]{16}|gh[oprsu]_[A-Za-z0-9]{36,}|github_pat_\w{22,}|glpat-[\w-]{20,}|xox[abeoprs]-[A-Za-z0-9-]{10,}"
        r"|AIza[\w-]{35}|sbp_[0-9a-f]{40}|e2b_[0-9a-f]{40}|whsec_[A-Za-z0-9+/=]{24,}"
        r"|\bsk-[A-Za-z0-9_-]{20,}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+"
    ),
    "password": re.compile(
        r"(?:(?<=password=)|(?<=passwd=)|(?<=pwd=))(?!\[REDACTED\])(?:'[^'\n]+'|[^\s'\"`\\&;,)]+)", re.IGNORECASE
    ),
}
_MAX_FRAMES = 20
_MAX_MESSAGE = 2000
_PACKAGE = Path(__file__).parent


class Redactor:
    """Knows the secret values resolved in this process and removes them, plain or encoded, from any text."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._lock = threading.Lock()  # steps resolve their connections in threads

    def register(self, value: str) -> None:
        """Remember a secret; values shorter than 4 characters are too common to be removed from text."""
        if len(value) < _SHORTEST:
            return
        raw = value.encode()
        forms = {
            value,
            quote(value, safe=""),
            quote_plus(value),
            repr(value)[1:-1],
            raw.hex(),
            base64.b64encode(raw).decode().rstrip("="),
            base64.urlsafe_b64encode(raw).decode().rstrip("="),
        }
        with self._lock:
            self._forms |= forms
            self._pattern = None

    def text(self, text: str) -> str:
        """Return `text` with every known secret, every DSN user part and whatever looks like a secret masked."""
        if self._forms:
            text = self._known().sub(MASK, text)
        text = _DSN_USER.sub(r"\g<scheme>***@", text)
        for shape in _SHAPES.values():
            text = shape.sub(MASK, text)
        return text

    def _known(self) -> re.Pattern[str]:
        """Return the pattern of all forms; made when it is needed, so that many secrets cost no more than one."""
        with self._lock:
            if self._pattern is None:
                longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
                self._pattern = re.compile("|".join(re.escape(form) for form in longest_first))
            return self._pattern

    def data(self, value: Any) -> Any:
        """Return JSON-like data with every string and every key cleaned."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.data(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.data(item) for item in value]
        return value


def secret_shapes(text: str) -> tuple[str, ...]:
    """Name the kinds of secret that a finished text still seems to hold; empty when it is clean.

    >>> secret_shapes("postgres://me:hunter2@db/x"), secret_shapes("postgres://***@db/x")
    (('user part of a URL',), ())
    """
    found = [name for name, shape in _SHAPES.items() if shape.search(text)]
    if any(match["user"] != "***" for match in _DSN_USER.finditer(text)):
        found.append("user part of a URL")
    return tuple(found)


def capture(error: BaseException, redactor: Redactor, root: Path | None = None) -> ErrorInfo:
    """Return the redacted record of an exception and its causes, with frames relative to `root`, never a host path."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    known = error.first if isinstance(error, OsirisError) else None
    retryable: Retryable = getattr(error, "retryable", "permanent")
    message = known.message if known else str(error) or type(error).__name__
    return ErrorInfo(
        type=type(error).__name__,
        message=_relative_text(redactor.text(message), root)[:_MAX_MESSAGE],
        code=known.code if known else "",
        fix=redactor.text(known.fix) if known else "",
        retryable=retryable,
        frames=tuple(_frame(entry, root) for entry in traceback.extract_tb(error.__traceback__)[-_MAX_FRAMES:]),
        cause=capture(cause, redactor, root) if cause is not None and cause is not error else None,
    )


def _relative_text(text: str, root: Path | None) -> str:
    return text.replace(f"{root}/", "") if root is not None else text


def _frame(entry: traceback.FrameSummary, root: Path | None) -> Frame:
    path = Path(entry.filename)
    line, name = entry.lineno or 0, entry.name
    if path.is_relative_to(_PACKAGE):
        return Frame(path.relative_to(_PACKAGE.parent).as_posix(), line, name, in_project=True)
    parts = path.parts
    for anchor in ("site-packages", "dist-packages"):
        if anchor in parts:
            return Frame("/".join(parts[parts.index(anchor) + 1 :]), line, name)
    if root is not None and path.is_relative_to(root):
        return Frame(path.relative_to(root).as_posix(), line, name, in_project=True)
    return Frame(path.name, line, name)
