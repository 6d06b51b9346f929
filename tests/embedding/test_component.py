"""The component: in a plain `dg` project as its users call it, and what it does with its state."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
from dagster._core.definitions.definitions_load_context import DefinitionsLoadContext, DefinitionsLoadType
from dagster.components.core.component_tree import ComponentTreeException

from tests.conftest import REPORT, SHOP
from tests.embedding.conftest import make_plain

TYPE = "osiris_dagster.OsirisPipelineComponent"
STATE = "src/plain/defs/.local_defs_state/OsirisPipelineComponent__project__/state"


def dg_command(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("OSIRIS", "DAGSTER", "DG_"))}
    env |= {"PYTHONPATH": str(root / "src"), "DG_CLI_CONFIG": str(root / "none.toml"), "COLUMNS": "400"}
    command = [Path(sys.executable).with_name("dg"), *arguments]
    return subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def scaffolded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_plain(tmp_path_factory.mktemp("dg"))
    done = dg_command(root, "scaffold", "defs", TYPE, "pipelines", "--project", "etl")
    assert done.returncode == 0, done.stdout + done.stderr
    return root


def test_dg_lists_the_component(scaffolded: Path) -> None:
    assert TYPE in dg_command(scaffolded, "list", "components", "--json").stdout


def test_a_scaffolded_component_is_a_project_that_loads(scaffolded: Path) -> None:
    assert (scaffolded / "src/plain/defs/pipelines/defs.yaml").read_text().split() == [
        *("type:", TYPE),
        *("attributes:", "project:", "etl"),
    ]
    checked = dg_command(scaffolded, "check", "defs")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    listed = json.loads(dg_command(scaffolded, "list", "defs", "--json").stdout)
    assert {"cities/cities", "cities/warehouse", "aiop/cities"} <= {asset["asset_key"] for asset in listed["assets"]}
    assert "cities_job" in json.dumps(listed["jobs"])
    assert (scaffolded / "etl/pipelines/cities.yaml").is_file()
    assert not (scaffolded / "etl/workspace.yaml").exists()


def test_a_wrong_attribute_is_refused_with_its_place(scaffolded: Path) -> None:
    file = scaffolded / "src/plain/defs/pipelines/defs.yaml"
    before = file.read_text()
    file.write_text(before + "  projekt: etl\n")
    checked = dg_command(scaffolded, "check", "yaml")
    file.write_text(before)
    assert checked.returncode != 0
    assert "defs.yaml:5" in checked.stdout + checked.stderr


def component(root: Path, attributes: str = "", kind: str = TYPE, name: str = "pipelines") -> None:
    folder = root / "src/plain/defs" / name
    folder.mkdir(exist_ok=True)
    (folder / "defs.yaml").write_text(f"type: {kind}\nattributes:\n  project: project\n{attributes}")


def load(root: Path) -> dg.Definitions:
    return dg.load_from_defs_folder(path_within_project=root)


def refresh(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Load as `dagster dev` does, which compiles the files into the state."""
    with monkeypatch.context() as patched:
        patched.setenv("DAGSTER_IS_DEV_CLI", "1")
        load(root)


def query_of(definitions: dg.Definitions) -> str:
    return str(definitions.resolve_asset_graph().get(dg.AssetKey(["report", "best"])).description)


ATTRIBUTES = """\
  provided: [duckdb/ops/main/orders]
  translation:
    group_name: etl
    tags: {step: "{{ step.component }}"}
"""


def test_attributes_change_how_steps_look(plain, write):
    write("shop", SHOP)
    component(plain, ATTRIBUTES)
    graph = load(plain).resolve_asset_graph()
    node = graph.get(dg.AssetKey(["shop-daily", "orders"]))
    assert (node.group_name, node.tags["step"], node.tags["domain"]) == ("etl", "duckdb.extractor", "sales")
    assert graph.get(dg.AssetKey(["duckdb", "ops", "main", "orders"])).group_name == "default"


SUBCLASS = """\
import dagster as dg

from osiris_dagster import OsirisPipelineComponent


class Own(OsirisPipelineComponent):
    def get_asset_spec(self, data):
        return super().get_asset_spec(data).replace_attributes(group_name="own")

    def execute(self, context, pipeline):
        context.log.info("own body")
        yield from super().execute(context, pipeline)
"""


def test_a_subclass_says_how_steps_look_and_run(plain, write, instance):
    write("shop", SHOP)
    (plain / "src/plain/own.py").write_text(SUBCLASS)
    component(plain, kind="plain.own.Own")
    definitions = load(plain)
    assert definitions.resolve_asset_graph().get(dg.AssetKey(["shop-daily", "orders"])).group_name == "own"
    ended = definitions.resolve_job_def("shop_daily_job").execute_in_process(instance=instance)
    assert ended.success
    assert [e.user_message for e in instance.all_logs(ended.run_id)].count("own body") == 1


def test_without_a_state_the_files_are_compiled_and_a_broken_one_shows_itself(plain, write):
    write("report", REPORT)
    write("broken", "name: [\n")
    component(plain)
    graph = load(plain).resolve_asset_graph()
    assert graph.has(dg.AssetKey(["report", "best"]))
    assert graph.has(dg.AssetKey(["osiris_broken", "pipelines", "broken.yaml"]))
    assert not (plain / STATE).exists()


def test_a_kept_state_is_the_location_whatever_the_files_say(plain, write, monkeypatch):
    write("report", REPORT)
    write("broken", SHOP.replace("duckdb.extractor", "duckdb.extractr"))
    component(plain)
    refresh(plain, monkeypatch)
    write("report", REPORT.replace("max(total)", "min(total)"))
    write("broken", SHOP)
    definitions = load(plain)
    assert "max(total)" in query_of(definitions)
    broken = definitions.resolve_asset_graph().get(dg.AssetKey(["osiris_broken", "pipelines", "broken.yaml"]))
    assert "did you mean `duckdb.extractor`?" in broken.description


@pytest.mark.parametrize("machine", ["same", "another"])
def test_a_worker_gets_what_its_code_server_saw_and_not_a_newer_state(plain, project, write, monkeypatch, machine):
    write("report", REPORT)
    component(plain)
    refresh(plain, monkeypatch)
    context = DefinitionsLoadContext(DefinitionsLoadType.INITIALIZATION)
    with DefinitionsLoadContext.scoped(context):
        load(plain)
    saved = SimpleNamespace(
        reconstruction_metadata=context.get_pending_reconstruction_metadata(),
        defs_state_info=context.accessed_defs_state_info,
        code_location_name="plain",
    )
    if machine == "same":
        write("report", REPORT.replace("max(total)", "min(total)"))
        refresh(plain, monkeypatch)
    else:
        (project.build / "report").rename(project.root / "elsewhere")
    with DefinitionsLoadContext.scoped(DefinitionsLoadContext(DefinitionsLoadType.RECONSTRUCTION, saved)):
        assert "max(total)" in query_of(load(plain))


@pytest.mark.parametrize(
    "state", ["", "[]", '{"loaded": [1], "broken": []}', '{"loaded": [["f", "t", {}]], "broken": []}']
)
def test_a_damaged_state_is_named(plain, write, monkeypatch, state):
    write("report", REPORT)
    component(plain)
    refresh(plain, monkeypatch)
    (plain / STATE).write_text(state)
    with pytest.raises(ComponentTreeException) as caught:
        load(plain)
    assert "CFG069" in str(caught.value.__cause__)
    assert "dg utils refresh-defs-state" in str(caught.value.__cause__)


def test_a_second_component_in_one_location_is_refused(plain, write):
    write("report", REPORT)
    component(plain)
    component(plain, name="more")
    with pytest.raises(ComponentTreeException) as caught:
        load(plain)
    assert "CFG069 one code location can hold one Osiris project" in str(caught.value.__cause__)


def test_a_project_that_there_is_not_is_named(plain):
    component(plain)
    (plain / "src/plain/defs/pipelines/defs.yaml").write_text(f"type: {TYPE}\nattributes: {{project: nowhere}}\n")
    with pytest.raises(ComponentTreeException) as caught:
        load(plain)
    assert "CFG011" in str(caught.value.__cause__)
