"""A project and what its caller says in, its connections out: the file found, read and held to the specs."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path

from osiris_dagster.connections.environment import read_text, shown_name, variables_of
from osiris_dagster.connections.file import CONNECTIONS_FILE, Alias, read_connections_file
from osiris_dagster.connections.resolution import Connections
from osiris_dagster.connections.schema import AliasReport, connection_reports
from osiris_dagster.project import Project
from osiris_dagster.settings import Settings
from osiris_dagster.specs.catalogue import Catalogue
from osiris_dagster.specs.load import load_catalogue
from osiris_dagster.specs.secrets import secret_fields as secret_fields_of


def connections_of(project: Project, settings: Settings, catalogue: Catalogue | None = None) -> Connections:
    """Load the project's connections; ConfigError when the file is damaged."""
    secret: defaultdict[str, set[str]] = defaultdict(set)
    catalogue = load_catalogue() if catalogue is None else catalogue
    for spec in catalogue:
        secret[spec.family] |= secret_fields_of(spec)
    return load_connections(
        project,
        file=settings.connections_file,
        secrets_file=settings.secrets_file,
        env=settings.env,
        secret_fields=secret,
        catalogue=catalogue,
    )


def load_connections(
    project: Project,
    *,
    file: str = "",
    secrets_file: str = "",
    env: Mapping[str, str] = os.environ,
    secret_fields: Mapping[str, Collection[str]] | None = None,
    catalogue: Catalogue | None = None,
) -> Connections:
    """Read the connections of a project; no variable has to be set before `resolve` asks for it.

    The file is `file`, else OSIRIS_CONNECTIONS, else `osiris_connections.yaml` of the project, which need not exist.
    Variables come from `secrets_file` (NAME=value lines), then `env`, then `.env` of the project; empty means unset.
    With a `catalogue` the fields of the file are checked against the component specs, and the facts carry the faults.
    Raises ConfigError for a named file that is missing and for malformed ones.
    """
    variables = variables_of(project, secrets_file, env)
    named = file or env.get("OSIRIS_CONNECTIONS", "")
    path = Path(named).expanduser() if named else project.root / CONNECTIONS_FILE
    aliases: Mapping[str, Mapping[str, Alias]] = {}
    reports: Mapping[tuple[str, str], AliasReport] = {}
    if named or path.is_file():
        text, shown = read_text(path, "--connections and OSIRIS_CONNECTIONS"), shown_name(path, project)
        aliases = read_connections_file(text, shown)
        reports = connection_reports(text, shown, catalogue) if catalogue is not None else {}
    return Connections(aliases, variables, secret_fields or {}, reports)
