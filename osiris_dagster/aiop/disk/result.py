"""What became of an export, as a parent process reads it from its child."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExportResult:
    """`folder` is relative to the root of all packages; `reasons` say why a package is not valid."""

    folder: str
    fingerprint: str
    valid: bool
    reasons: tuple[str, ...]
    core_bytes: int
    triples: int
    errors: tuple[str, ...] = ()  # fingerprints of what went wrong
