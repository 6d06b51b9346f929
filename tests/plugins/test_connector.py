"""`examples/connector` is built and installed beside the product, and its family is one like all others."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from osiris_dagster.assets.keys import job_name
from osiris_dagster.compiler.manifest import Manifest
from osiris_dagster.compiler.store import load
from osiris_dagster.definitions import OWN, project_definitions
from osiris_dagster.exports.export import export_run
from osiris_dagster.location import Location
from osiris_dagster.project import Project
from osiris_dagster.runs.instance import open_instance
from osiris_dagster.runs.read import read_run
from osiris_dagster.specs.model import Package
from tests.plugins.packages import install

ROOT = Path(__file__).parent.parent.parent
COMMAND = Path(sys.executable).with_name("osiris")
NUMBERS = """\
oml_version: "0.2.0"
name: numbers
steps:
  - {id: rows, component: arrow.extractor, mode: read, config: {connection: "@arrow.here", path: numbers.arrow}}
  - {id: out, component: arrow.writer, mode: write, config: {connection: "@arrow.here", path: again.arrow}}
"""
OTHER = """\
oml_version: "0.2.0"
name: other
steps:
  - {id: one, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
  - {id: out, component: filesystem.csv_writer, mode: write, config: {path: out.csv}}
"""
PACKAGE = {"name": "osiris-arrow-files", "version": "1.0.0"}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder into which the example was built and installed, without a network."""
    return installed_in(tmp_path_factory.mktemp("connector"))


def installed_in(folder: Path, *, editable: bool = False) -> Path:
    """Build and install the example, offline; an environment that uv made has no pip, and unpacks the wheel."""
    source, target = shutil.copytree(ROOT / "examples" / "connector", folder / "source"), folder / "installed"
    if importlib.util.find_spec("pip"):
        options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target", target]
        command = [sys.executable, "-m", "pip", "install", *options, *(["--editable"] if editable else []), source]
        subprocess.run(command, check=True)
    else:
        hook = "build_editable" if editable else "build_wheel"
        code = f"from hatchling.build import {hook}; {hook}('..')"
        subprocess.run([sys.executable, "-c", code], cwd=source, check=True)
        zipfile.ZipFile(next(folder.glob("*.whl"))).extractall(target)
    return target


def project_in(folder: Path) -> Project:
    (folder / "pipelines").mkdir(parents=True)
    (folder / "data").mkdir()
    (folder / "osiris.yaml").touch()
    (folder / "osiris_connections.yaml").write_text("connections: {arrow: {here: {folder: data}}}\n")
    (folder / "pipelines" / "numbers.yaml").write_text(NUMBERS)
    (folder / "pipelines" / "other.yaml").write_text(OTHER)
    rows = pa.table({"n": [1, 2, 3], "day": pa.array([1, None, 3], pa.date32())})
    with pa.ipc.new_file(str(folder / "data" / "numbers.arrow"), rows.schema) as file:
        file.write_table(rows)
    return Project(folder)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return project_in(tmp_path_factory.mktemp("shop") / "project")


def osiris(project: Project, path: Path | None, *arguments: str, code: int = 0) -> Any:
    """Return the JSON that a call of the command gives with the packages of a folder installed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OSIRIS", "DAGSTER"))}
    done = subprocess.run(
        [COMMAND, *arguments, "--json"],
        cwd=project.root,
        env=kept | {"PYTHONPATH": str(path or "")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def ran(shop: Project, target: Path) -> dict[str, Any]:
    """Return what `osiris run` says of a pipeline of the family."""
    return dict(osiris(shop, target, "run", "pipelines/numbers.yaml"))


def manifest_of(shop: Project, ran: dict[str, Any]) -> Manifest:
    return load(shop.build, "numbers", ran["manifest_hash"])


def test_it_is_listed_with_the_package_it_comes_from(shop: Project, target: Path) -> None:
    listed = osiris(shop, target, "components", "list")
    packages = {one["name"]: one["package"]["name"] for one in listed["components"]}
    assert packages["arrow.writer"] == "osiris-arrow-files"
    assert packages["duckdb.writer"] == "osiris-dagster"
    assert listed["diagnostics"] == []


def test_an_editable_install_is_found_without_an_import(tmp_path: Path) -> None:
    target = installed_in(tmp_path, editable=True)
    assert not (target / "osiris_arrow_files").exists()
    code = (
        "import site, sys; site.addsitedir(sys.argv[1]);"
        "from osiris_dagster.specs.load import load_catalogue;"
        "print(load_catalogue()['arrow.writer'].package, 'osiris_arrow_files' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, target], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "osiris-arrow-files 1.0.0 False\n"


def test_its_page_of_the_reference_is_made_like_those_of_the_product(shop: Project, target: Path) -> None:
    kept = {**os.environ, "PYTHONPATH": str(target)}
    command = [COMMAND, "components", "spec", "arrow.writer", "--format", "markdown"]
    page = subprocess.run(command, cwd=shop.root, env=kept, capture_output=True, text=True, check=True).stdout
    assert "### arrow.writer" in page
    assert "from the package osiris-arrow-files 1.0.0" in page
    assert "| `path` | text that is not empty | required |" in page


def test_its_steps_run_and_the_package_says_what_ran(shop: Project, ran: dict[str, Any]) -> None:
    assert (ran["status"], [step["rows_out"] for step in ran["steps"]]) == ("completed", [3, 3])
    with pa.OSFile(str(shop.root / "data" / "again.arrow")) as file:
        assert pa.ipc.open_file(file).read_all().to_pydict()["n"] == [1, 2, 3]
    assert [step.package for step in manifest_of(shop, ran).steps] == [Package(**PACKAGE)] * 2
    (package,) = ran["aiop"]
    assert package["valid"], package["reasons"]
    core = json.loads((shop.root / package["folder"] / "core.jsonld").read_bytes())
    versions = {node["@id"]: (node["name"], node["code_version"]) for node in core["metadata"]["versions"]}
    for component in core["semantic"]["components"]:
        assert versions[component["part_of"]] == ("osiris-arrow-files", "1.0.0")
        assert component["title"]


def test_its_connections_can_be_asked(shop: Project, target: Path, ran: dict[str, Any]) -> None:
    found = osiris(shop, target, "discover", "@arrow.here")
    columns = {table["name"]: [(c["name"], c["type"]) for c in table["columns"]] for table in found["tables"]}
    assert columns == {name: [("n", "int64"), ("day", "date")] for name in ("again.arrow", "numbers.arrow")}
    (answer,) = osiris(shop, target, "connections", "doctor")["connections"]
    assert answer["category"] == "ok"


def test_nothing_of_it_is_imported_before_a_step_runs_and_what_fails_then_is_told(tmp_path: Path, target: Path) -> None:
    broken = shutil.copytree(target, tmp_path / "broken")
    for file in (broken / "osiris_arrow_files").glob("*.py"):
        file.write_text("raise RuntimeError('imported')\n")
    shop = project_in(tmp_path / "project")
    assert osiris(shop, broken, "validate", "pipelines")["ok"]
    osiris(shop, broken, "compile", "pipelines/numbers.yaml")
    told = osiris(shop, broken, "run", "pipelines/numbers.yaml", "--no-aiop", code=4)["steps"][0]["error"]
    assert told["code"] == "DRV002"
    assert "osiris-arrow-files 1.0.0 cannot be loaded: RuntimeError: imported" in told["message"]


def test_a_damaged_package_stops_nothing_and_is_named_where_it_is_missed(tmp_path: Path, target: Path) -> None:
    broken = shutil.copytree(target, tmp_path / "broken")
    (broken / "osiris_arrow_files" / "components" / "arrow.writer" / "spec.yaml").write_text("name: [")
    install(broken, {"package": "acme", "version": "2.0", "entry_points": "[osiris_dagster.components]\nacme = acme\n"})
    shop = project_in(tmp_path / "project")
    assert osiris(shop, broken, "validate", "pipelines/other.yaml")["ok"]
    (missed,) = osiris(shop, broken, "validate", "pipelines/numbers.yaml", code=2)["diagnostics"]
    assert missed["code"] == "OML036"
    assert "arrow.writer of the package osiris-arrow-files 1.0.0 is not used" in missed["fix"]
    listed = osiris(shop, broken, "components", "list")["diagnostics"]
    assert [(one["code"], one["severity"]) for one in listed] == [("SPC022", "warning"), ("SPC021", "warning")]
    linted = osiris(shop, broken, "components", "lint", code=2)["diagnostics"]
    assert {one["code"] for one in linted} == {"SPC001", "SPC022"}


def test_a_worker_without_the_package_says_which_it_wants(shop: Project, ran: dict[str, Any]) -> None:
    """This process has no such package, and gets the manifest of one that has it."""
    location = project_definitions(Location(shop, (manifest_of(shop, ran),), (), ""), OWN)
    job = location.resolve_job_def(job_name("numbers"))
    with open_instance(shop) as instance:
        result = job.execute_in_process(instance=instance, raise_on_error=False)
        (record,) = read_run(instance, shop, result.run_id)
    assert record.status == "failed"
    error = record.steps[0].error
    assert error is not None
    assert error.code == "DRV004"
    assert error.message.startswith("arrow.extractor of the package osiris-arrow-files 1.0.0 is not installed where")
    assert "pip install osiris-arrow-files==1.0.0" in error.fix


def test_a_package_can_be_made_where_the_plugin_is_not_installed(shop: Project, ran: dict[str, Any]) -> None:
    with open_instance(shop) as instance:
        (package,) = export_run(instance, shop, ran["run_id"])
    assert package.valid, package.reasons
    core = json.loads((shop.root / package.folder / "core.jsonld").read_bytes())
    assert {component["part_of"] for component in core["semantic"]["components"]} == {"r:version/osiris-arrow-files"}


def test_its_own_tests_inherit_the_suites_of_the_product_and_pass(target: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "connector" / "tests" / "test_arrow.py", tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_arrow.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
