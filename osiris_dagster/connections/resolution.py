"""`osiris_connections.yaml` and variables in; facts without secrets and, at the last moment, fields out."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osiris_dagster.connections.dotenv import parse_dotenv
from osiris_dagster.connections.file import Alias, read_connections_file
from osiris_dagster.connections.schema import AliasReport, connection_reports
from osiris_dagster.errors import ConfigError
from osiris_dagster.oml.model import ConnectionFacts
from osiris_dagster.project import Project
from osiris_dagster.redaction import Redactor
from osiris_dagster.specs.catalogue import Catalogue

CONNECTIONS_FILE = "osiris_connections.yaml"
_PREFIX = "OSIRIS_CONN__"
_REFERENCE = re.compile(r"@(?P<family>[A-Za-z0-9_-]+)(?:\.(?P<alias>[A-Za-z0-9_-]+))?")
_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_]\w*)(?::-(?P<default>[^}]*))?\}")
_SECRET_NAME = re.compile(r"passw|pwd|secret|token|credential|auth|dsn|connection_?string|(?:^|_)key$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, repr=False)
class Override:
    """A field that the variable `OSIRIS_CONN__...` sets."""

    field: str
    value: str


class Connections:
    """All connections of a project. Holds secrets, shows none."""

    def __init__(
        self,
        aliases: Mapping[str, Mapping[str, Alias]],
        variables: Mapping[str, str],
        secret_fields: Mapping[str, Collection[str]],
        redactor: Redactor,
        reports: Mapping[tuple[str, str], AliasReport] | None = None,
    ) -> None:
        """`secret_fields` names, by family, fields that the component specs call secret."""
        self.redactor = redactor
        self._variables = variables
        self._secret_fields = secret_fields
        self._reports = reports or {}
        self._overrides: dict[tuple[str, str], list[Override]] = {}
        self._aliases = {family: dict(named) for family, named in aliases.items()}
        self._take_overrides()

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
        set_by_variables = (override.field for override in self._overrides.get((family, alias.name), ()))
        return ConnectionFacts(
            family=family,
            alias=alias.name,
            identity=alias.identity,
            default=alias is self._default(family),
            description=alias.description,
            purpose=alias.purpose,
            sla=alias.sla,
            fields=tuple(sorted({*alias.fields, *set_by_variables})),
            place=report.place if report else None,
            faults=report.faults if report else (),
        )

    def find(self, reference: str) -> ConnectionFacts:
        """Return what is known about the alias that a reference means; ConfigError for none or several."""
        return self._facts(*self._named(reference))

    def resolve(self, reference: str) -> Mapping[str, Any]:
        """Return the fields of `@family.alias`, or of the default alias of `@family`, with all variables filled in.

        Values that came from variables or sit in secret fields are registered with the redactor first.
        Raises ConfigError for an unknown or ambiguous reference, and for a variable that is not set.
        """
        family, alias = self._named(reference)
        overrides = {override.field: override.value for override in self._overrides.get((family, alias.name), ())}
        resolved = {
            name: self._filled(value, family, alias, name)
            for name, value in alias.fields.items()
            if name not in overrides
        }
        for value in overrides.values():
            self.redactor.register(value)
        self._register({**resolved, **overrides}, frozenset(self._secret_fields.get(family, ())))
        return {**resolved, **overrides}

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
        found: set[str] = set()
        for family, named in self._aliases.items():
            secret = frozenset(self._secret_fields.get(family, ()))
            for alias in named.values():
                fields = {**alias.fields, **{o.field: o.value for o in self._overrides.get((family, alias.name), ())}}
                found |= set(self._secrets_in(fields, secret))
        return frozenset(value for value in found if value)

    def _secrets_in(self, value: Any, secret_names: Collection[str], *, secret: bool = False) -> Iterator[str]:
        if isinstance(value, Mapping):
            for name, item in value.items():
                named = secret or name in secret_names or _SECRET_NAME.search(name) is not None
                yield from self._secrets_in(item, secret_names, secret=named)
        elif secret and isinstance(value, str):
            yield _VARIABLE.sub(lambda match: self._variables.get(match["name"]) or match["default"] or "", value)

    def _register(self, value: Any, secret_names: Collection[str], *, secret: bool = False) -> None:
        """Make known to the redactor what sits in a field with the name of a secret, at any depth."""
        if isinstance(value, Mapping):
            for name, item in value.items():
                named = secret or name in secret_names or _SECRET_NAME.search(name) is not None
                self._register(item, secret_names, secret=named)
        elif isinstance(value, list):
            for item in value:
                self._register(item, secret_names, secret=secret)
        elif secret and value is not None and not isinstance(value, bool):
            self.redactor.register(str(value))

    def _alias(self, family: str, name: str | None) -> Alias:
        named = self._aliases.get(family)
        if not named:
            known = ", ".join(sorted(self._aliases)) or "none"
            raise ConfigError(
                f"there is no connection of the family {family!r}",
                code="CFG023",
                found=f"@{family}" + (f".{name}" if name else ""),
                expected=f"a family with connections; known: {known}",
                fix=f"add it to {CONNECTIONS_FILE} or set {_PREFIX}{family.upper()}__<FIELD>",
            )
        found = self._default(family) if name is None else named.get(name)
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

    def _default(self, family: str) -> Alias | None:
        """The alias marked as default, else the one called default, else the only one."""
        named = self._aliases.get(family, {})
        marked = next((alias for alias in named.values() if alias.default), None)
        return marked or named.get("default") or (next(iter(named.values())) if len(named) == 1 else None)

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
                self.redactor.register(found)
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

    def _take_overrides(self) -> None:
        """Sort the variables that name connection fields to their aliases; unknown aliases come into being."""
        defaults: list[tuple[str, Override]] = []
        for variable, value in sorted(self._variables.items()):
            parts = variable.removeprefix(_PREFIX).lower().split("__") if variable.startswith(_PREFIX) else []
            if len(parts) == 3 and all(parts):
                family, alias, name = parts
                self._override(self._known(self._aliases, family), alias, Override(name, value))
            elif len(parts) == 2 and all(parts):
                defaults.append((self._known(self._aliases, parts[0]), Override(parts[1], value)))
        for family, override in defaults:
            default = self._default(family)
            self._override(family, default.name if default else "default", override)

    def _override(self, family: str, alias: str, override: Override) -> None:
        named = self._aliases.setdefault(family, {})
        name = self._known(named, alias)
        named.setdefault(name, Alias(name))
        self._overrides.setdefault((family, name), []).append(override)

    @staticmethod
    def _known(names: Mapping[str, Any], folded: str) -> str:
        """Return the name that a variable means, which can hold neither case nor dashes."""
        return next((name for name in names if name.lower().replace("-", "_") == folded), folded)


def load_connections(
    project: Project,
    *,
    file: str = "",
    secrets_file: str = "",
    env: Mapping[str, str] = os.environ,
    secret_fields: Mapping[str, Collection[str]] | None = None,
    redactor: Redactor | None = None,
    catalogue: Catalogue | None = None,
) -> Connections:
    """Read the connections of a project; no variable has to be set before `resolve` asks for it.

    The file is `file`, else OSIRIS_CONNECTIONS, else `osiris_connections.yaml` of the project, which need not exist.
    Variables come from `secrets_file` (NAME=value lines), then `env`, then `.env` of the project; empty means unset.
    With a `catalogue` the fields of the file are checked against the component specs, and the facts carry the faults.
    Raises ConfigError for a named file that is missing and for malformed ones.
    """
    variables = _variables(project, secrets_file, env)
    named = file or env.get("OSIRIS_CONNECTIONS", "")
    path = Path(named).expanduser() if named else project.root / CONNECTIONS_FILE
    aliases: Mapping[str, Mapping[str, Alias]] = {}
    reports: Mapping[tuple[str, str], AliasReport] = {}
    if named or path.is_file():
        text, shown = _text(path, "--connections and OSIRIS_CONNECTIONS"), _shown(path, project)
        aliases = read_connections_file(text, shown)
        reports = connection_reports(text, shown, catalogue) if catalogue is not None else {}
    return Connections(aliases, variables, secret_fields or {}, redactor or Redactor(), reports)


def _variables(project: Project, secrets_file: str, env: Mapping[str, str]) -> Mapping[str, str]:
    layers: list[Mapping[str, str]] = [env]
    local = project.root / ".env"
    if local.is_file():
        layers.insert(0, parse_dotenv(_text(local, ".env"), ".env"))
    if secrets_file:
        path = Path(secrets_file).expanduser()
        layers.append(parse_dotenv(_text(path, "--secrets-file"), _shown(path, project)))
    return {name: value for layer in layers for name, value in layer.items() if value}


def _text(path: Path, named_by: str) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(
            f"cannot read {path.name}: {reason}",
            code="CFG020",
            found=path.name,
            expected="a readable text file",
            fix=f"check {named_by}",
        ) from error


def _shown(path: Path, project: Project) -> str:
    """Return the name for messages: relative to the project, the bare name outside of it."""
    absolute, root = path.resolve(), project.root.resolve()
    return absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else path.name
