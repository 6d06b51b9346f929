"""The Dagster instance of a project: DAGSTER_HOME when it is set, else `.osiris/dagster_home`, made on first use."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dagster import DagsterInstance

from osiris_dagster.atomic import write_bytes
from osiris_dagster.errors import ConfigError
from osiris_dagster.project import Project

CONFIG = """\
# Dagster's settings for this project. Runs, events and schedules live beside this file.
telemetry:
  enabled: false
nux:
  enabled: false
# A pipeline tagged `dagster/max_retries: "2"` in OML is retried from what failed; nothing else is.
run_retries:
  enabled: true
  max_retries: 0
# `concurrency: NAME` in OML: one run of that pool at a time. Another number is set in the UI, under Deployment.
concurrency:
  pools:
    default_limit: 1
    granularity: op
"""


def dagster_home(project: Project, env: Mapping[str, str] = os.environ) -> Path:
    """Return Dagster's home for a project, with a `dagster.yaml` in it; ConfigError when it cannot be made."""
    home = Path(env["DAGSTER_HOME"]).expanduser() if env.get("DAGSTER_HOME") else project.dagster_home
    config = home / "dagster.yaml"
    try:
        if not config.is_file():
            write_bytes(config, CONFIG)
    except OSError as error:
        raise ConfigError(
            "Dagster's home cannot be written",
            code="CFG032",
            found=error.strerror or type(error).__name__,
            expected=f"a folder that can be written: {project.relative(home)}",
            fix="check DAGSTER_HOME and the rights of the project folder",
        ) from None
    return home.resolve()


@contextmanager
def open_instance(project: Project, env: Mapping[str, str] = os.environ) -> Iterator[DagsterInstance]:
    """Open the persistent instance of a project for a while."""
    home = dagster_home(project, env)
    with DagsterInstance.from_config(str(home)) as instance:
        yield instance
