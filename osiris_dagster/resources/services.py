"""What a process needs once to run steps: the project, its connections, and the component specs."""

from __future__ import annotations

from dataclasses import dataclass

from osiris_dagster.connections.resolution import Connections
from osiris_dagster.project import Project
from osiris_dagster.specs.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Services:
    """Shared by all steps of a process; secrets are resolved through `connections` at the last moment."""

    project: Project
    connections: Connections
    catalogue: Catalogue
