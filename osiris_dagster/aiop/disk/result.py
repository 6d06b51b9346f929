"""What became of an export, as a parent process reads it from its child."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


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

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form that `result_from_dict` reads back."""
        return {**asdict(self), "reasons": list(self.reasons), "errors": list(self.errors)}


def result_from_dict(value: Mapping[str, Any]) -> ExportResult:
    """Read back what `ExportResult.as_dict` wrote; KeyError or TypeError for another shape."""
    return ExportResult(**{**value, "reasons": tuple(value["reasons"]), "errors": tuple(value["errors"])})
