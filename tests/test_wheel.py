"""The wheel works alone: built, unpacked into a fresh environment, run from an empty folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
COMMAND = "import sys; from osiris_dagster.cli.main import main; sys.argv[0] = 'osiris'; sys.exit(main())"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", target], cwd=ROOT, check=True)
    return next(target.glob("*.whl"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment that holds the wheel and borrows only its dependencies from this one."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    zipfile.ZipFile(wheel).extractall(packages)
    # A .pth inside a folder named by a .pth is not read, so the editable install of this checkout stays out.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return home / "bin" / "python"


def osiris(python: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("OSIRIS", "DAGSTER", "PYTHON"))}
    command = [python, "-c", COMMAND, *arguments]
    return subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False)


def test_the_wheel_holds_every_data_file_and_component_spec(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    package = {f"osiris_dagster/{file.relative_to(ROOT / 'osiris_dagster')}" for file in data_files("osiris_dagster")}
    specs = {f"osiris_dagster/_components/{file.relative_to(ROOT / 'components')}" for file in data_files("components")}
    assert specs
    assert (package | specs) - inside == set()


def data_files(folder: str) -> list[Path]:
    files = [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    return [file for file in files if file.suffix not in (".py", ".pyc")]


def test_the_wheel_holds_nothing_but_the_package(wheel: Path) -> None:
    top = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert top == {"osiris_dagster", wheel.name.rsplit("-", 3)[0] + ".dist-info"}


def test_the_code_comes_from_the_wheel(python: Path, tmp_path: Path) -> None:
    command = [python, "-c", "import osiris_dagster; print(osiris_dagster.__file__)"]
    file = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert Path(file).is_relative_to(python.parent.parent)


def test_the_catalogue_is_complete_from_an_empty_folder(python: Path, tmp_path: Path) -> None:
    listed = osiris(python, tmp_path, "components", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    assert json.loads(listed.stdout)
    for spec in ROOT.glob("components/*/spec.yaml"):
        assert f'"{spec.parent.name}"' in listed.stdout


def test_a_new_project_validates_and_runs_from_the_wheel(python: Path, tmp_path: Path) -> None:
    assert osiris(python, tmp_path, "init").returncode == 0
    pipelines = sorted(str(path.relative_to(tmp_path)) for path in (tmp_path / "pipelines").glob("*.yaml"))
    checked = osiris(python, tmp_path, "validate", "--mode", "strict", *pipelines)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    ran = osiris(python, tmp_path, "run", pipelines[0])
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert list(tmp_path.glob("aiop/*/*/core.jsonld"))
    (tmp_path / pipelines[0]).write_text("oml_version: 0.2.0\nsteps: []\n")
    assert osiris(python, tmp_path, "validate", pipelines[0]).returncode == 2


EMBEDDED = """\
import json
import dagster as dg
from bookshop.definitions import defs

graph = defs.resolve_asset_graph()
nodes = {key.to_user_string(): graph.get(key) for key in graph.get_all_asset_keys()}
with dg.DagsterInstance.ephemeral() as instance:
    job = defs.resolve_implicit_global_asset_job_def()
    ended = job.execute_in_process(instance=instance, raise_on_error=False)
    told = [e.message for e in instance.all_logs(ended.run_id) if e.user_message in ("best-sellers begins",)]
print(json.dumps({
    "parents": {name: sorted(key.to_user_string() for key in node.parent_keys) for name, node in nodes.items()},
    "groups": {name: node.group_name for name, node in nodes.items()},
    "tags": dict(nodes["best-sellers/ranked"].tags),
    "success": ended.success,
    "materialized": sorted(e.asset_key.to_user_string() for e in ended.get_asset_materialization_events()),
    "told": len(told),
    "schedules": [s.name for s in defs.schedules],
}))
"""


def test_the_sample_project_has_osiris_between_assets_of_its_own(python: Path, tmp_path: Path) -> None:
    sample = tmp_path / "bookshop"
    shutil.copytree(ROOT / "examples" / "embedding", sample)
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("OSIRIS", "DAGSTER", "PYTHON"))}
    command = [python, "-c", EMBEDDED]
    done = subprocess.run(command, cwd=sample, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    sold, best, letter = "file/data/sold.csv", "duckdb/warehouse/main/best_sellers", "letter"
    assert told["parents"]["best-sellers/sold"] == [sold]
    assert told["parents"][best] == ["best-sellers/kept"]
    assert told["parents"][letter] == ["best-sellers/kept", best]
    assert told["groups"] == told["groups"] | {sold: "till", "best-sellers/ranked": "books", letter: "letters"}
    assert told["tags"]["written_in"] == "oml"
    assert (told["success"], told["told"], told["schedules"]) == (True, 1, ["best_sellers_schedule"])
    assert {sold, "best-sellers/kept", best, letter} <= set(told["materialized"])
    assert (sample / "osiris/output/letter.md").read_text() == "Dune sold 7 times today.\n"
    assert (sample / "osiris/audit.log").read_text().split() == [
        *("sold:", "filesystem.csv_extractor"),
        *("report:", "filesystem.csv_writer"),
    ]
