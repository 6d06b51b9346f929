"""What can go wrong, in one shape: `Diagnostic` for people, an exception per stage, `ErrorInfo` for records.

Every exception of the product derives from `OsirisError`, carries at least one `Diagnostic` and knows its exit code:

    OsirisError            1   anything else that we name
    ├── OmlError           2   the document or a component spec is wrong
    ├── CompileError       3   the document is valid, its meaning is not
    ├── RunError           4   a step failed
    │   └── DriverError    4   a driver could not read, transform or write
    ├── ConfigError        5   configuration, connection or secret missing
    └── AiopError          1   a package could not be built
        └── CoreLimitError 4   ... because it does not fit into its size
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

Severity = Literal["error", "warning"]
Retryable = Literal["transient", "permanent", "ambiguous"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a text: project-relative file, 1-based line and column, characters to underline."""

    file: str
    line: int = 1
    column: int = 1
    length: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of a text: what stands from `start` up to `end` (character offsets) becomes `replacement`.

    `place` and `end_place` are the same as line and column. `safe` means that the change cannot be wrong: the text
    can mean nothing else.
    """

    place: Place
    end_place: Place
    start: int
    end: int
    replacement: str
    safe: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form; positions count from 1, columns in characters, the end is not included."""
        return {
            "file": self.place.file,
            "range": {
                "start": {"line": self.place.line, "column": self.place.column},
                "end": {"line": self.end_place.line, "column": self.end_place.column},
            },
            "replacement": self.replacement,
            "safe": self.safe,
        }


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: stable code, where, what was found against what was expected, and the way out."""

    code: str
    message: str
    severity: Severity = "error"
    place: Place | None = None
    path: str = ""  # steps[2].config.mode
    found: str = ""
    expected: str = ""
    fix: str = ""
    example: str = ""
    source: str = ""  # the line of the text that `place` names
    alias: str = ""  # what Osiris before version 1 called this kind of finding
    edits: tuple[Edit, ...] = ()  # together they are the fix

    @property
    def doc(self) -> str:
        """Page and anchor that explain the code."""
        return f"docs/reference/diagnostics.md#{self.code.lower()}"

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form; empty parts are left out."""
        where = self.place
        parts: dict[str, Any] = {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "file": where.file if where else "",
            "line": where.line if where else None,
            "column": where.column if where else None,
            "path": self.path,
            "found": self.found,
            "expected": self.expected,
            "fix": self.fix,
            "example": self.example,
            "source": self.source,
            "doc": self.doc,
            "alias": self.alias,
            "edits": [edit.as_dict() for edit in self.edits],
        }
        return {key: value for key, value in parts.items() if value not in ("", None, [])}


class OsirisError(Exception):
    """A fault with a diagnosis; `str()` is one readable line."""

    exit_code: ClassVar[int] = 1
    code: ClassVar[str] = "OSI001"

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        found: str = "",
        expected: str = "",
        fix: str = "",
        place: Place | None = None,
        path: str = "",
        diagnostics: Iterable[Diagnostic] = (),
    ) -> None:
        own = Diagnostic(code or self.code, message, found=found, expected=expected, fix=fix, place=place, path=path)
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics) or (own,)
        super().__init__(message)

    @property
    def first(self) -> Diagnostic:
        """The diagnostic to show when there is room for one."""
        return self.diagnostics[0]

    def __str__(self) -> str:
        first = self.first
        return f"{first.code} {first.message}" + (f" ({first.fix})" if first.fix else "")


class OmlError(OsirisError):
    """The OML document or a component spec is not valid."""

    exit_code = 2
    code = "OML001"


class CompileError(OsirisError):
    """A valid document cannot be turned into a manifest."""

    exit_code = 3
    code = "CMP001"


class RunError(OsirisError):
    """A step of a run failed; `retryable` tells whether trying again can help."""

    exit_code = 4
    code = "RUN001"

    def __init__(self, message: str, *, retryable: Retryable = "permanent", **parts: Any) -> None:
        super().__init__(message, **parts)
        self.retryable: Retryable = retryable


class DriverError(RunError):
    """A driver could not do its part."""

    code = "DRV001"


class ConfigError(OsirisError):
    """Project configuration, a connection or a secret is missing or malformed."""

    exit_code = 5
    code = "CFG001"


class AiopError(OsirisError):
    """An AI Operation Package could not be built or did not pass its gates."""

    code = "AIO001"


class CoreLimitError(AiopError):
    """A package does not fit into the size it was given, whatever is left out."""

    exit_code = 4
    code = "AIO006"


@dataclass(frozen=True, slots=True)
class Frame:
    """One stack frame without a host's paths: `file` is relative to the project or to site-packages."""

    JSON: ClassVar = "array"
    file: str
    line: int
    function: str
    in_project: bool = False


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """A redacted exception: type, message, way out, frames (outermost first) and its cause."""

    type: str
    message: str
    code: str = ""
    fix: str = ""
    retryable: Retryable = "permanent"
    frames: tuple[Frame, ...] = ()
    cause: ErrorInfo | None = field(default=None)

    @property
    def chain(self) -> tuple[ErrorInfo, ...]:
        """This error and its causes, outermost first."""
        here: tuple[ErrorInfo, ...] = (replace(self, cause=None),)
        return here + (self.cause.chain if self.cause else ())

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that stay equal when only values, lines or numbers differ."""
        parts = ["fp1"]
        for error in self.chain:
            parts += [error.type, error.code, _masked(error.message)]
            parts += [f"{frame.file}:{frame.function}" for frame in error.frames if frame.in_project]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


_MASKS = (
    (re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`"), "<q>"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\b(?=[0-9]*[a-f])[0-9a-f]{12,}\b"), "<hex>"),  # without a letter it is a number
    (re.compile(r"(?:[\w.@-]*/)+[\w.@-]+"), "<path>"),
    (re.compile(r"\d+"), "<n>"),
)


_COMPARED = 2000  # characters of a message; recorded ones are not longer


def _masked(message: str) -> str:
    message = message[:_COMPARED]
    for pattern, mark in _MASKS:
        message = pattern.sub(mark, message)
    return message
