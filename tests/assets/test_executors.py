"""Which executor a project has, and what is said when it has none."""

from __future__ import annotations

import dagster as dg
import pytest

from osiris_dagster.assets.executors import project_executor
from osiris_dagster.definitions import defs
from osiris_dagster.errors import ConfigError
from tests.conftest import SHOP

ISOLATED = SHOP.replace("steps:", "execution: {isolation: step}\nsteps:", 1)
OTHER = SHOP.replace("name: shop-daily", "name: other")


def choose(project, text):
    (project.root / "osiris.yaml").write_text(text)


def test_each_step_of_an_isolated_pipeline_is_an_op_with_its_own_checks_and_the_executor_of_the_project(write, project):
    write("shop", ISOLATED)
    write("other", OTHER)
    choose(project, "execution: {executor: celery, config: {broker: {env: BROKER}}}")
    location = defs()
    job = location.resolve_job_def("shop_daily_job")
    assert sorted(node.name for node in job.nodes) == [
        "shop_daily__orders",
        "shop_daily__per_customer_f2042c26",
        "shop_daily__totals",
    ]
    assert job.executor_def.name == "celery"
    assert location.resolve_job_def("other_job").executor_def.name == "in_process"
    assert location.resolve_implicit_global_asset_job_def().executor_def.name == "celery"


def test_without_a_choice_steps_are_processes_and_the_rest_stays_in_one(write, project):
    write("shop", ISOLATED)
    location = defs()
    assert location.resolve_job_def("shop_daily_job").executor_def.name == "multi_or_in_process_executor"
    assert location.resolve_implicit_global_asset_job_def().executor_def.name == "in_process"


@pytest.mark.parametrize(
    ("said", "found", "fix"),
    [
        ("{executor: docker}", "dagster_docker", "pip install 'dagster-docker'"),
        ("{executor: celry}", "celry", "did you mean `celery`?"),
        ("{executor: 'json:nothing'}", "nothing", "pip install"),
        ("{executor: 'json:dumps'}", "function", "correct it"),
        ("{executor: celery, config: [1]}", "[1]", "correct it"),
        ("{excutor: celery}", "excutor", "correct it"),
        ("fast", "fast", "correct `execution`"),
    ],
)
def test_an_executor_that_is_not_there_is_told_and_only_takes_isolated_pipelines_down(write, project, said, found, fix):
    write("shop", ISOLATED)
    write("other", OTHER)
    choose(project, f"execution: {said}")
    with pytest.raises(ConfigError) as told:
        project_executor(project)
    (diagnostic,) = told.value.diagnostics
    assert found in diagnostic.found
    assert fix in diagnostic.fix
    location = defs()
    keys = location.resolve_asset_graph().get_all_asset_keys()
    assert dg.AssetKey(["osiris_broken", "pipelines", "shop.yaml"]) in keys
    assert location.resolve_job_def("other_job").executor_def.name == "in_process"


def test_where_no_pipeline_is_isolated_the_file_itself_is_shown_as_broken(write, project):
    write("other", OTHER)
    choose(project, "execution: {executor: docker}")
    keys = defs().resolve_asset_graph().get_all_asset_keys()
    assert dg.AssetKey(["osiris_broken", "osiris.yaml"]) in keys
