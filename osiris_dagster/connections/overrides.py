"""Aliases of the file and variables in; the aliases that there are, and which fields `OSIRIS_CONN__...` sets, out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from osiris_dagster.connections.file import Alias

PREFIX = "OSIRIS_CONN__"
Aliases = dict[str, dict[str, Alias]]
"""Family -> alias name -> alias."""


class Overrides:
    """The fields that variables set, by family and alias. Holds secrets, shows none."""

    def __init__(self, aliases: Aliases, variables: Mapping[str, str]) -> None:
        """Sort the variables that name connection fields to their aliases; unknown aliases come into being."""
        self._aliases = aliases
        self._fields: dict[tuple[str, str], dict[str, str]] = {}
        defaults: list[tuple[str, str, str]] = []
        for variable, value in sorted(variables.items()):
            parts = variable.removeprefix(PREFIX).lower().split("__") if variable.startswith(PREFIX) else []
            if len(parts) == 3 and all(parts):
                family, alias, name = parts
                self._set(_known(aliases, family), alias, name, value)
            elif len(parts) == 2 and all(parts):
                defaults.append((_known(aliases, parts[0]), parts[1], value))
        for family, name, value in defaults:
            default = default_of(aliases.get(family, {}))
            self._set(family, default.name if default else "default", name, value)

    def of(self, family: str, alias: str) -> Mapping[str, str]:
        """Return the fields that variables set on an alias, with their values."""
        return self._fields.get((family, alias), {})

    def _set(self, family: str, alias: str, field: str, value: str) -> None:
        named = self._aliases.setdefault(family, {})
        name = _known(named, alias)
        named.setdefault(name, Alias(name))
        self._fields.setdefault((family, name), {})[field] = value


def default_of(named: Mapping[str, Alias]) -> Alias | None:
    """Return the alias marked as default, else the one called default, else the only one."""
    marked = next((alias for alias in named.values() if alias.default), None)
    return marked or named.get("default") or (next(iter(named.values())) if len(named) == 1 else None)


def _known(names: Mapping[str, Any], folded: str) -> str:
    """Return the name that a variable means, which can hold neither case nor dashes."""
    return next((name for name in names if name.lower().replace("-", "_") == folded), folded)
