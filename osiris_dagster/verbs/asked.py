"""What every verb knows about who asks: the project, the settings, and where progress goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from osiris_dagster.errors import OsirisError
from osiris_dagster.project import Project
from osiris_dagster.settings import Settings


class Say(Protocol):
    """Takes a line about what is going on; a live one may be overwritten by the next."""

    def __call__(self, line: str, *, live: bool = False) -> None:
        """Show the line."""
        ...


def say_nothing(line: str, *, live: bool = False) -> None:
    """Show nothing: for callers who only want the outcome."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The frame of one call; `progress` hears what is going on while a verb works."""

    project: Project
    settings: Settings = field(default_factory=Settings)
    progress: Say = say_nothing


class WrongUsageError(OsirisError):
    """An option has a form that it cannot have, or does not go with another."""

    exit_code = 2
    code = "CLI002"
