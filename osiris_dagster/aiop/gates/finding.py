"""What a gate says about a document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from osiris_dagster.aiop.gates.document import Document


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason why a document is not a valid package; `where` is a JSON path, an id, or empty."""

    message: str
    where: str = ""

    @property
    def line(self) -> str:
        """The finding as one line."""
        return f"{self.message} ({self.where})" if self.where else self.message


Gate = Callable[[Document], list[Finding]]
"""Looks at a document and returns every reason to refuse it; none means that it passes."""
