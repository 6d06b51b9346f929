"""What a verb gives back, the same for command line, chat and MCP: data, the same as text, and an exit code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from osiris_dagster.errors import Diagnostic

OK, FAILED, INVALID, NOT_COMPILED, RUN_FAILED, NOT_CONFIGURED, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a verb. `data` is JSON-like; `text` says the same to a person."""

    data: Mapping[str, Any]
    text: str = ""
    exit_code: int = OK
    diagnostics: tuple[Diagnostic, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """Return the one JSON shape of every verb."""
        return {
            "ok": self.exit_code == OK,
            "exit_code": self.exit_code,
            **self.data,
            "diagnostics": [d.as_dict() for d in self.diagnostics],
        }


def table(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    """Return rows in aligned columns under a header; numbers as they come."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
