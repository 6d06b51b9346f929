"""The files of `deploy/`: no container is started here, but what they name has to exist in the locked versions."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._core.instance.config import dagster_instance_config
from dagster._core.workspace.load import location_origins_from_yaml_paths

from osiris_dagster.assets.executors import project_executor
from osiris_dagster.project import Project

DEPLOY = Path(__file__).parent.parent / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "docker-compose.yaml").read_text())
OURS = sorted(name for name, service in COMPOSE["services"].items() if service["image"] == "osiris-project")
BIN = Path(sys.executable).parent


def variables(value: Any) -> set[str]:
    """Return the names of all variables that a setting takes from the environment."""
    if isinstance(value, dict):
        own = {value["env"]} if set(value) == {"env"} else set()
        return own.union(*(variables(item) for item in value.values())) if len(value) else own
    return set().union(*(variables(item) for item in value)) if isinstance(value, list) else set()


def test_there_is_a_service_for_everything_that_a_run_needs():
    assert OURS == ["code", "daemon", "webserver", "worker"]
    assert set(COMPOSE["services"]) == {*OURS, "postgres", "broker", "storage"}


@pytest.mark.parametrize("name", OURS)
def test_the_command_of_each_service_exists_with_its_options(name):
    command = [str(part) for part in COMPOSE["services"][name]["command"]]
    program = shutil.which(command[0], path=str(BIN))
    assert program
    words = [part for part in command[1:] if re.fullmatch("[a-z]+", part)]
    options = {part for part in command[: command.index("--") if "--" in command else None] if part.startswith("--")}
    help_text = subprocess.run([program, *words, "--help"], capture_output=True, text=True, check=True).stdout
    assert {option for option in options if option not in help_text} == set()


def test_modules_that_are_named_can_be_imported():
    code = COMPOSE["services"]["code"]["command"]
    worker = COMPOSE["services"]["worker"]["command"]
    assert importlib.import_module(code[code.index("--module-name") + 1]).defs
    assert importlib.import_module(worker[worker.index("--app") + 1]).app


def test_every_variable_is_set_for_all_services():
    given = set(COMPOSE["x-osiris"]["environment"])
    for name in ("dagster.yaml", "osiris.yaml"):
        assert variables(yaml.safe_load((DEPLOY / name).read_text())) <= given
    for service in OURS:
        assert set(COMPOSE["services"][service]["environment"]) == given


def test_volumes_and_files_that_are_named_exist():
    named = {str(volume).partition(":")[0] for s in COMPOSE["services"].values() for volume in s.get("volumes", ())}
    assert named == set(COMPOSE["volumes"])
    copied = re.findall(r"deploy/[a-z.]+", (DEPLOY / "Dockerfile").read_text())
    assert all((DEPLOY.parent / path).is_file() for path in copied)
    assert (DEPLOY.parent / COMPOSE["x-osiris"]["build"]["dockerfile"]).is_file()


def test_dagster_takes_its_settings_and_finds_the_code_server():
    settings, _ = dagster_instance_config(str(DEPLOY))
    assert settings["run_retries"]["enabled"] is True
    (origin,) = location_origins_from_yaml_paths([str(DEPLOY / "workspace.yaml")])
    assert origin.location_name == "osiris_dagster.definitions"


def test_the_executor_is_installed_with_the_extra():
    assert project_executor(Project(DEPLOY)).definition.name == "celery"


def test_the_values_for_kubernetes_start_the_same_module_and_name_no_secret():
    values = yaml.safe_load((DEPLOY / "helm-values.yaml").read_text())
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    assert importlib.import_module(deployment["dagsterApiGrpcArgs"][1]).defs
    assert deployment["envSecrets"]
    assert not re.search("password|secret_key", (DEPLOY / "helm-values.yaml").read_text(), re.IGNORECASE)
    assert os.fspath(DEPLOY) not in (DEPLOY / "helm-values.yaml").read_text()
