"""Which executor runs the steps of `isolation: step`: `execution` in osiris.yaml says, else they are processes here.

What is set there is the default of a run; the run configuration of Dagster goes before it, as everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from dagster import ExecutorDefinition, Field, multi_or_in_process_executor

from osiris_dagster.errors import ConfigError
from osiris_dagster.project import MARKER, Project
from osiris_dagster.settings import project_options
from osiris_dagster.specs.nearest import did_you_mean

EXECUTORS: Mapping[str, tuple[str, str]] = {
    "in_process": ("dagster:in_process_executor", "dagster"),
    "multiprocess": ("dagster:multiprocess_executor", "dagster"),
    "celery": ("dagster_celery:celery_executor", "osiris-dagster[celery]"),
    "docker": ("dagster_docker:docker_executor", "dagster-docker"),
    "celery_docker": ("dagster_celery_docker:celery_docker_executor", "dagster-celery-docker"),
    "k8s": ("dagster_k8s:k8s_job_executor", "dagster-k8s"),
    "celery_k8s": ("dagster_celery_k8s:celery_k8s_job_executor", "dagster-celery-k8s"),
}
"""Name -> where it is, and what to install for it."""
# Each step of a run starts as a fork of one process that has these imported, which saves seconds a step.
_FORKSERVER = {"start_method": {"forkserver": {"preload_modules": ["osiris_dagster.definitions"]}}}


@dataclass(frozen=True, slots=True)
class Executor:
    """The executor of a project; `chosen` when somebody asked for it."""

    definition: ExecutorDefinition
    chosen: bool


def project_executor(project: Project) -> Executor:
    """Return the executor for isolated steps; ConfigError for one that is unknown or not installed."""
    options = project_options(project, "execution") or {}
    if unknown := sorted(set(options) - {"executor", "config"}):
        raise _unfit(f"`execution.{unknown[0]}`", str(unknown[0]), "executor, config")
    config = options.get("config", {})
    if not isinstance(config, dict):
        raise _unfit("`execution.config`", str(config), "a mapping of the executor's options")
    name = options.get("executor")
    if name is None:
        usual = {"multiprocess": {**_FORKSERVER, **config}}
        return Executor(_with_defaults(multi_or_in_process_executor, usual, merge=False), chosen=False)
    found = _imported(str(name))
    base = {**_FORKSERVER, **config} if name == "multiprocess" else config
    return Executor(_with_defaults(found, base, merge=True), chosen=True)


def _with_defaults(executor: ExecutorDefinition, base: Mapping[str, Any], *, merge: bool) -> ExecutorDefinition:
    """Return the executor with a configuration to start from; what a run says goes before it."""

    def filled(given: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**base, **given} if merge else given or base

    schema = Field(dict, is_required=False, default_value={})
    return executor.configured(filled, name=executor.name, config_schema=schema)


def _imported(name: str) -> ExecutorDefinition:
    place, package = EXECUTORS.get(name, (name, name.partition(":")[0]))
    module, colon, attribute = place.partition(":")
    if not colon:
        known = ", ".join(EXECUTORS)
        fix = did_you_mean(name, list(EXECUTORS)) or "correct it"
        raise _unfit(f"executor {name!r}", name, f"{known}, or module:attribute", fix)
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        fix = f"pip install '{package}', here and on every worker"
        raise _unfit(f"executor {name!r}", str(error), "an executor that is installed", fix) from None
    if not isinstance(found, ExecutorDefinition):
        raise _unfit(f"executor {name!r}", type(found).__name__, "an executor definition of Dagster")
    return found


def _unfit(what: str, found: str, expected: str, fix: str = "correct it") -> ConfigError:
    return ConfigError(
        f"{what}, which `execution` in {MARKER} names, cannot run steps",
        code="RUN093",
        found=found,
        expected=expected,
        fix=fix,
    )
