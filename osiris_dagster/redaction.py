"""The only masking code: known secret values, texts that look like secrets, and exceptions as clean `ErrorInfo`.

A known value is looked for in three ways: as it is and in its usual encodings, one pattern for all; in whatever a word
that looks encoded decodes to, up to three times over; and across white space, in case a line was broken inside it.
"""

from __future__ import annotations

import base64
import html
import json
import re
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus

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
    "authorization header": re.compile(
        r"(?<=authorization: bearer )[\w.~+/=-]{8,}|(?<=authorization: basic )[\w+/=-]{8,}", re.IGNORECASE
    ),
    "secret in SQL": re.compile(
        r"(?:(?<=identified by )|(?<=password )|(?<=secret )|(?<=token ))'(?!\[REDACTED\]')[^'\n]+'", re.IGNORECASE
    ),
    "secret in a URL": re.compile(
        r"(?:(?<=[?&]token=)|(?<=[?&]api_key=)|(?<=[?&]apikey=)|(?<=[?&]secret=)|(?<=[?&]sig=)|(?<=[?&]signature=)"
        r"|(?<=[?&]access_token=)|(?<=[?&]x-amz-signature=))(?!\[REDACTED\])[^\s&#'\"`]+",
        re.IGNORECASE,
    ),
    "password": re.compile(
        r"(?:(?<=password=)|(?<=passwd=)|(?<=pwd=))(?!\[REDACTED\])(?:'[^'\n]+'|[^\s'\"`\\&;,)]+)", re.IGNORECASE
    ),
}
_HINTS = {
    "private key": "-----BEGIN",
    "access token": "",
    "authorization header": ":",
    "secret in SQL": "'",
    "secret in a URL": "=",
    "password": "=",
}
"""What a text must hold before a shape is looked for in it: a search for letters costs next to nothing."""
_CREATE_SECRET = re.compile(r"create\s+(?:or\s+replace\s+)?(?:persistent\s+|temporary\s+)?secret\b[^;]*", re.IGNORECASE)
_SQL_TEXT = re.compile(r"'(?:[^']|'')*'")
_DEPTH = 3  # times that a value may have been encoded and is still found
_MOST_REMEMBERED = 50_000  # words, so that those of a long log are looked at once
_ENCODED = re.compile(r"[\w+/=%&#;\\.~-]{8,}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){4,}")
_PLAIN_WORD = re.compile(r"[a-z_.-]{,60}|[0-9.-]{,19}|[A-Z_.-]{,60}")
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})|\\(.)")
_SPACE = re.compile(r"\s+")
_MAX_FRAMES = 20
_MAX_MESSAGE = 2000
_PACKAGE = Path(__file__).parent


class Redactor:
    """Knows secret values and removes them, plain or encoded, from any text. Any thread may use it at any time."""

    def __init__(self) -> None:
        # Threads read while another registers, so these are replaced, never changed. Forms go before what was judged:
        # who holds the new `_judged` judges by the new forms; verdicts by the old ones go into a dict that is dropped.
        self._secrets: frozenset[str] = frozenset()
        self._guarded: frozenset[str] = frozenset()  # those of the secrets that were registered as such
        self._forms: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None
        self._judged: dict[str, bool] = {}  # words that were looked into: whether one hides a secret
        self._lock = threading.Lock()

    def register(self, value: str, *, secret: bool = True) -> None:
        """Remember a value to remove; those shorter than 4 characters are too common to be removed from text.

        One that is not `secret` for itself, such as a host that a variable named, is no reason to withhold a package.
        """
        if len(value) < _SHORTEST:
            return
        with self._lock:
            if secret:
                self._guarded |= {value}
            if value not in self._secrets:
                self._secrets |= {value}
                self._forms |= frozenset(_forms(value))
                self._pattern = None
                self._judged = {}

    def beyond(self, other: Redactor) -> Redactor:
        """Return one that knows the secrets that the other does not know."""
        found = Redactor()
        for value in self._guarded - other._secrets:
            found.register(value)
        return found

    def __bool__(self) -> bool:
        """Tell whether there is anything to look for."""
        return bool(self._secrets)

    def holds(self, text: str) -> bool:
        """Tell whether a known secret is in a text."""
        return self.known(text) != text

    def known(self, text: str) -> str:
        """Return `text` with every known secret masked, and nothing else."""
        if not self._forms:
            return text
        text = _ENCODED.sub(lambda match: MASK if self._hides(match.group()) else match.group(), text)
        if any(form in text for form in self._forms):  # much cheaper than the pattern
            text = self._one_of_all().sub(MASK, text)
        return self._across_space(text)

    def text(self, text: str) -> str:
        """Return `text` with every known secret, every DSN user part and whatever looks like a secret masked."""
        text = self.known(text)
        if "://" in text:
            text = _DSN_USER.sub(r"\g<scheme>***@", text)
        if "'" in text:
            text = _CREATE_SECRET.sub(lambda match: _SQL_TEXT.sub(f"'{MASK}'", match.group()), text)
        for name, shape in _SHAPES.items():
            if _HINTS[name] in text:
                text = shape.sub(MASK, text)
        return text

    def _hides(self, word: str) -> bool:
        """Tell whether a word is an encoding of something with a secret in it.

        `_judged` is read once and first, before the forms (see `__init__`): a verdict that was found while another
        thread registered a secret must not outlive that.
        """
        if _PLAIN_WORD.fullmatch(word):
            return False
        judged = self._judged
        found = judged.get(word)
        if found is None:
            found = any(form in plain for plain in _decoded(word, _DEPTH) for form in self._forms)
            if len(judged) >= _MOST_REMEMBERED:
                judged.clear()
            judged[word] = found
        return found

    def _across_space(self, text: str) -> str:
        """Mask secrets with white space inside; a text whose lines together hide one goes as a whole.

        A plain one is cut out letter by letter, with the white space in between. In a text that had to be decoded or
        joined first nobody can say where the secret begins, so all of it is masked.
        """
        if any(form in plain for plain in _unescaped(text) for form in self._forms):
            return MASK
        if not _SPACE.search(text):
            return text
        joined = _SPACE.sub("", text)
        for secret in self._secrets:
            bare = _SPACE.sub("", secret)
            if len(bare) >= _SHORTEST and bare in joined:
                text = re.sub(r"\s*".join(map(re.escape, bare)), MASK, text)
        if "\n" in text and any(self._hides(match.group()) for match in _ENCODED.finditer(joined)):
            return MASK
        return text

    def _one_of_all(self) -> re.Pattern[str]:
        """Return the pattern of all forms; made when it is needed, so that many secrets cost no more than one."""
        with self._lock:
            if self._pattern is None:
                longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
                self._pattern = re.compile("|".join(re.escape(form) for form in longest_first))
            return self._pattern

    def data(self, value: Any) -> Any:
        """Return JSON-like data with every known secret masked. Its keys are ours, and may look like one."""
        if isinstance(value, str):
            return self.known(value)
        if isinstance(value, Mapping):
            return {key: self.data(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.data(item) for item in value]
        return value


PROCESS = Redactor()
"""Knows whatever this process resolved, for whichever connection: for the borders behind which somebody reads."""


def _forms(value: str) -> Iterator[str]:
    """Yield a secret as it is and as programs usually write it."""
    raw = value.encode()
    yield value
    yield quote(value, safe="")
    yield quote_plus(value)
    yield repr(value)[1:-1]
    yield json.dumps(value)[1:-1]
    yield html.escape(value)
    yield value.replace("'", "''")
    yield raw.hex()
    yield raw.hex().upper()
    # Base64 makes four letters of three bytes, so there are three ways to write a secret in the midst of a longer text,
    # by where it begins within three bytes. What is kept of each are the letters that depend on nothing but the secret:
    # of those before, one byte shares its bits with two letters, two with three; the last letter is only full at a
    # border of three.
    for shift in range(3):
        packed = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        whole = packed[(0, 2, 3)[shift] : len(packed) if (len(raw) + shift) % 3 == 0 else -1]
        if len(whole) > _SHORTEST:
            yield whole
            yield whole.replace("+", "-").replace("/", "_")


def _decoded(word: str, depth: int) -> Iterator[str]:
    """Yield everything that a word may stand for, decoded up to `depth` times.

    Each text that comes out is searched for words again, so layers of different encodings are found as well; `depth`
    bounds that, for every word may be read in several ways.
    """
    for plain in dict.fromkeys(_once(word)):
        yield plain
        yield _SPACE.sub("", plain)
        yield from _unescaped(plain)
        if depth > 1:
            for inner in _ENCODED.findall(plain):
                yield from _decoded(inner, depth - 1)


def _unescaped(text: str, depth: int = _DEPTH) -> Iterator[str]:
    """Yield a text without its escapes, one layer after the other; a plus may be itself or the space of a form."""
    ways = (unquote, unquote_plus) if "+" in text else (unquote,)
    for plain in dict.fromkeys(_layer(text, way) for way in ways):
        if plain != text:
            yield plain
            if depth > 1:
                yield from _unescaped(plain, depth - 1)


def _layer(text: str, unquoted: Callable[[str], str]) -> str:
    if "%" in text or "+" in text:
        text = unquoted(text)
    if "&" in text:
        text = html.unescape(text)
    if "\\" in text:
        text = _ESCAPE.sub(lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else m[3], text)
    return text


def _once(word: str) -> Iterator[str]:
    yield from _unescaped(word)
    for run in _HEX.findall(word):
        yield from _texts(bytes.fromhex(run))
    for run in _BASE64.findall(word):
        letters = run.replace("-", "+").replace("_", "/")
        for offset in range(4):  # letters of a path or name may stand right before it
            part = letters[offset:]
            part = part[:-1] if len(part) % 4 == 1 else part
            if len(part) >= _SHORTEST:
                yield from _texts(base64.b64decode(part + "=" * (-len(part) % 4)))


def _texts(data: bytes) -> Iterator[str]:
    yield data.decode("utf-8", "replace")
    if b"\0" in data:
        yield data.decode("utf-16-le", "replace")
        yield data[1:].decode("utf-16-le", "replace")


def secret_shapes(text: str) -> tuple[str, ...]:
    """Name the kinds of secret that a finished text still seems to hold; empty when it is clean.

    >>> secret_shapes("postgres://me:hunter2@db/x"), secret_shapes("postgres://***@db/x")
    (('user part of a URL',), ())
    """
    found = [name for name, shape in _SHAPES.items() if _HINTS[name] in text and shape.search(text)]
    if "://" in text and any(match["user"] != "***" for match in _DSN_USER.finditer(text)):
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
