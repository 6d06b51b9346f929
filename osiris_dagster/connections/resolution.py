"""Aliases and variables in; facts without secrets and, at the last moment, fields out."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from osiris_dagster.connections.file import CONNECTIONS_FILE, Alias
from osiris_dagster.connections.overrides import PREFIX, Overrides, default_of
from osiris_dagster.connections.schema import AliasReport
from osiris_dagster.connections.secrecy import secrets_in
from osiris_dagster.errors import ConfigError
from osiris_dagster.oml.model import ConnectionFacts
from osiris_dagster.redaction import PROCESS, Redactor

_REFERENCE = re.compile(r"@(?P<family>[A-Za-z0-9_-]+)(?:\.(?P<alias>[A-Za-z0-9_-]+))?")
_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_]\w*)(?::-(?P<default>[^}]*))?\}")


class Connections:
    """All connections of a project. Holds secrets, shows none."""

    def __init__(
        self,
        aliases: Mapping[str, Mapping[str, Alias]],
        variables: Mapping[str, str],
        secret_fields: Mapping[str, Collection[str]],
        reports: Mapping[tuple[str, str], AliasReport] | None = None,
    ) -> None:
        """`secret_fields` names, by family, fields that the component specs call secret."""
        self.redactor = Redactor()
        self._variables = variables
        self._secret_fields = secret_fields
        self._reports = reports or {}
        self._aliases = {family: dict(named) for family, named in aliases.items()}
        self._overrides = Overrides(self._aliases, variables)

    def __repr__(self) -> str:
        return f"Connections({', '.join(facts.reference for facts in self.facts)})"

    @property
    def facts(self) -> tuple[ConnectionFacts, ...]:
        """What is known about each alias without resolving anything, by family and alias."""
        return tuple(
            self._facts(family, alias)
            for family, named in sorted(self._aliases.items())
            for alias in (named[name] for name in sorted(named))
        )

    def _facts(self, family: str, alias: Alias) -> ConnectionFacts:
        report = self._reports.get((family, alias.name))
        set_by_variables = self._overrides.of(family, alias.name)
        return ConnectionFacts(
            family=family,
            alias=alias.name,
            identity=alias.identity,
            default=alias is default_of(self._aliases.get(family, {})),
            description=alias.description,
            purpose=alias.purpose,
            sla=alias.sla,
            fields=tuple(sorted({*alias.fields, *set_by_variables})),
            paths=tuple(item for item in report.paths if item[0] not in set_by_variables) if report else (),
            place=report.place if report else None,
            faults=report.faults if report else (),
        )

    def find(self, reference: str) -> ConnectionFacts:
        """Return what is known about the alias that a reference means; ConfigError for none or several."""
        return self._facts(*self._named(reference))

    def resolve(self, reference: str) -> Mapping[str, Any]:
        """Return the fields of `@family.alias`, or of the default alias of `@family`, with all variables filled in.

        Values that came from variables or sit in secret fields are made known first, to the redactor of these
        connections and to that of the process. Raises ConfigError for an unknown or ambiguous reference, and for a
        variable that is not set.
        """
        family, alias = self._named(reference)
        overrides = self._overrides.of(family, alias.name)
        resolved = {
            name: self._filled(value, family, alias, name)
            for name, value in alias.fields.items()
            if name not in overrides
        }
        fields = {**resolved, **overrides}
        for value in overrides.values():
            self._know(value)
        for found in secrets_in(fields, self._secret_fields.get(family, ())):
            self._know(str(found), secret=True)
        return fields

    def _know(self, value: str, *, secret: bool = False) -> None:
        for redactor in (self.redactor, PROCESS):
            redactor.register(value, secret=secret)

    def _named(self, reference: str) -> tuple[str, Alias]:
        match = _REFERENCE.fullmatch(reference)
        if match is None:
            raise ConfigError(
                f"{reference!r} is not a connection reference",
                code="CFG026",
                found=reference,
                expected="@family.alias or @family",
                fix="write e.g. @duckdb.warehouse",
            )
        return match["family"], self._alias(match["family"], match["alias"])

    @property
    def secret_values(self) -> frozenset[str]:
        """The secrets as far as they can be resolved now, without asking for a variable that is not set."""
        found = (
            _VARIABLE.sub(lambda match: self._variables.get(match["name"]) or match["default"] or "", value)
            for family, named in self._aliases.items()
            for alias in named.values()
            for value in secrets_in(
                {**alias.fields, **self._overrides.of(family, alias.name)}, self._secret_fields.get(family, ())
            )
            if isinstance(value, str)
        )
        return frozenset(value for value in found if value)

    def _alias(self, family: str, name: str | None) -> Alias:
        named = self._aliases.get(family)
        if not named:
            known = ", ".join(sorted(self._aliases)) or "none"
            raise ConfigError(
                f"there is no connection of the family {family!r}",
                code="CFG023",
                found=f"@{family}" + (f".{name}" if name else ""),
                expected=f"a family with connections; known: {known}",
                fix=f"add it to {CONNECTIONS_FILE} or set {PREFIX}{family.upper()}__<FIELD>",
            )
        found = default_of(named) if name is None else named.get(name)
        if found is None:
            known = ", ".join(f"@{family}.{alias}" for alias in sorted(named))
            raise ConfigError(
                f"there is no connection @{family}.{name}" if name else f"@{family} could mean several connections",
                code="CFG024",
                found=f"@{family}.{name}" if name else f"@{family}",
                expected=known,
                fix="name one of them" if name else "name one of them, or mark one with `default: true`",
            )
        return found

    def _filled(self, value: Any, family: str, alias: Alias, name: str) -> Any:
        if isinstance(value, Mapping):
            return {key: self._filled(item, family, alias, f"{name}.{key}") for key, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item, family, alias, f"{name}[{index}]") for index, item in enumerate(value)]
        if not isinstance(value, str):
            return value

        def filled(match: re.Match[str]) -> str:
            found = self._variables.get(match["name"])
            if found is not None:
                self._know(found)
                return found
            if match["default"] is not None:
                return match["default"]
            raise ConfigError(
                f"the connection @{family}.{alias.name} needs the variable {match['name']} for its field `{name}`",
                code="CFG025",
                path=f"connections.{family}.{alias.name}.{name}",
                found=f"{match['name']} is not set or empty",
                expected=f"a value for {match['name']}",
                fix=f"set {match['name']} in the environment, in .env of the project or with --secrets-file",
            )

        return _VARIABLE.sub(filled, value)
