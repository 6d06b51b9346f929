"""What a step writes never becomes a hidden file, OML, a component, a manifest, a package or a file of settings."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from osiris_dagster.errors import ConfigError, OsirisError
from osiris_dagster.oml.model import ConnectionFacts
from osiris_dagster.oml.validate import validate
from osiris_dagster.project import Project
from osiris_dagster.specs.load import load_catalogue
from osiris_dagster.testing.workbench import Workbench
from osiris_dagster.write_paths import refusal, writable

CASES = yaml.safe_load(Path(__file__).with_name("write_paths.yaml").read_text("utf-8"))
REFUSED, ALLOWED = CASES["refused"], CASES["allowed"]
OWN = "flows/a.yaml"
ROWS = pa.table({"id": [1]})
CATALOGUE = load_catalogue()
OPTIONS = {name: {"table": "t"} for name in ("duckdb.writer", "sqlite.writer")}
WRITERS = [
    spec.name
    for spec in CATALOGUE
    if spec.role == "writer"
    and any(p.get("format") == "project-path" for p in spec.config_schema["properties"].values())
]
PROTECTED = {
    ".git/config": "[core]",
    ".osiris/x": "state",
    "pipelines/a.yaml": "name: a",
    "components/a.writer/spec.yaml": "name: a.writer",
    "build/a/manifest.yaml": "{}",
    "aiop/a/run/aiop.json": "{}",
    "osiris.yaml": "",
    "osiris_connections.yaml": "",
    "workspace.yaml": "load_from: []",
    OWN: "name: own",
}


def made(root: Path) -> Project:
    """A project with one of each file that is protected, and links into them."""
    for name, text in PROTECTED.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (root / "output").mkdir()
    for link, target in {"git": ".git", "output/p": "../pipelines", "settings.csv": "osiris.yaml", "o.csv": OWN,
                         "flows/up": "..", "git.csv": ".git/config"}.items():  # fmt: skip
        (root / link).symlink_to(target)
    return Project(root)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return made(tmp_path)


def snapshot(project: Project) -> dict[str, bytes]:
    """Every file but those that a step may write, with its bytes."""
    files = (file for file in project.root.rglob("*") if file.is_file() and not file.is_symlink())
    names = {file.relative_to(project.root): file.read_bytes() for file in files}
    return {str(name): body for name, body in names.items() if str(name) in PROTECTED or str(name).startswith(".git")}


@pytest.mark.parametrize("path", REFUSED)
def test_a_protected_path_is_refused_with_its_reason(path):
    assert REFUSED[path] in refusal(path, OWN)


@pytest.mark.parametrize("path", ALLOWED)
def test_another_path_is_written(project, path):
    assert refusal(path, OWN) == ""
    assert writable(project, path, OWN) == (project.root / path).resolve()


@pytest.mark.parametrize(
    "path", ["git/config", "git/new", "output/p/a.yaml", "settings.csv", "o.csv", "git.csv", "flows/up/.git/config",
             "flows/up/build/a.csv", "flows/up/flows/a.yaml"],
)  # fmt: skip
def test_no_link_leads_around_it(project, path):
    with pytest.raises(ConfigError) as caught:
        writable(project, path, OWN)

    assert caught.value.first.code == "CFG012"


def test_a_protected_folder_that_is_a_link_is_protected_where_it_lies(tmp_path):
    (tmp_path / "oml").mkdir()
    (tmp_path / "pipelines").symlink_to("oml")
    (tmp_path / "conf.csv").write_text("")
    (tmp_path / "osiris.yaml").symlink_to("conf.csv")
    for path in ("oml/a.csv", "conf.csv"):
        with pytest.raises(ConfigError, match="is a link to it"):
            writable(Project(tmp_path), path)


@pytest.mark.parametrize("component", WRITERS)
def test_every_writer_of_files_asks_when_it_opens_one(project, component):
    before, bench, options = snapshot(project), Workbench(project.root), OPTIONS.get(component, {})
    for path in (*REFUSED, "git/new", "output/p/a.csv", "settings.csv", "o.csv", "../up.csv"):
        with pytest.raises(OsirisError) as caught:
            bench.write(component, {**options, "path": path}, ROWS, oml=OWN)
        assert caught.value.first.code in ("CFG012", "CFG010"), path
    for field in {"path", "base_dir"} & {*CATALOGUE[component].connection_fields}:
        for folder in (".git", "output/../build", "git"):
            bench.connection = {field: f"{folder}/x"}
            with pytest.raises(ConfigError, match="may not be written"):
                bench.write(component, {**options, **({} if field == "path" else {"path": "a.csv"})}, ROWS)

    assert snapshot(project) == before


def test_all_writers_of_files_are_looked_at():
    assert WRITERS == ["duckdb.writer", "filesystem.csv_writer", "filesystem.parquet_writer", "sqlite.writer"]


HEAD = """\
oml_version: "0.2.0"
name: orders
params: {folder: .git}
partitions: {type: static, keys: [ok, pipelines, .hidden]}
steps:
  - {id: rows, component: duckdb.processor, mode: transform, config: {query: "select '${partition.key}' as k"}}
"""
FACTS = (
    ConnectionFacts("duckdb", "bad", fields=("path",), paths=(("path", ".git/x"),)),
    ConnectionFacts("duckdb", "good", fields=("path",), paths=(("path", "data/x.duckdb"),)),
    ConnectionFacts("filesystem", "bad", fields=("base_dir",), paths=(("base_dir", "build"),)),
    ConnectionFacts("filesystem", "good", fields=("base_dir",), paths=(("base_dir", "data"),)),
    ConnectionFacts("filesystem", "open", fields=("base_dir",)),
)


def codes(component: str, config: str, **options: object) -> list[str]:
    step = f"  - {{id: out, component: {component}, mode: write, needs: [rows], config: {config}}}\n"
    found = validate(HEAD + step, OWN, CATALOGUE, connections=FACTS, **options)  # type: ignore[arg-type]
    return [finding.code for finding in found.errors if finding.code == "OML059"]


@pytest.mark.parametrize(
    ("component", "config", "expected"),
    [
        ("filesystem.csv_writer", '{path: "${params.folder}/config"}', True),
        ("filesystem.csv_writer", '{path: "${partition.key}/a.csv"}', True),
        ("filesystem.csv_writer", '{path: "out/${partition.key}.csv"}', False),  # OML182 speaks of such a key
        ("duckdb.writer", '{table: t, path: "out/${partition.key}.duckdb"}', True),
        ("duckdb.writer", '{table: t, path: "out/p-${partition.key}.duckdb"}', False),
        ("filesystem.csv_writer", "{path: a.csv, base_dir: pipelines}", True),
        ("filesystem.csv_writer", "{path: pipelines/a.csv, base_dir: data}", False),
        ("filesystem.csv_writer", "{path: flows/a.yaml}", True),
        ("filesystem.csv_writer", "{path: a.csv, connection: '@filesystem.bad'}", True),
        ("filesystem.csv_writer", "{path: build/a.csv, connection: '@filesystem.good'}", False),
        ("filesystem.csv_writer", "{path: build/a.csv, connection: '@filesystem.open'}", False),
        ("filesystem.parquet_writer", "{path: .a, connection: '@filesystem.open'}", True),
        ("filesystem.parquet_writer", "{path: osiris.yaml}", True),
        ("duckdb.writer", "{table: t, path: .git/x.duckdb}", True),
        ("duckdb.writer", "{table: t, connection: '@duckdb.bad'}", True),
        ("duckdb.writer", "{table: t, connection: '@duckdb.good'}", False),
    ],
)
def test_validate_says_so_where_the_document_or_the_connections_tell(component, config, expected):
    assert codes(component, config) == ["OML059"] * expected


def test_a_parameter_that_changes_the_path_is_looked_at():
    assert codes("filesystem.csv_writer", '{path: "${params.folder}/a.csv"}', params={"folder": "out"}) == []
    assert codes("filesystem.csv_writer", '{path: "${params.folder}/a.csv"}', params={"folder": "aiop"}) == ["OML059"]


PART = st.sampled_from(
    [*{part for path in (*REFUSED, *PROTECTED) for part in path.split("/")}, "..", ".", "", "output", "git", "p", "up",
     "flows", "x"],
)  # fmt: skip


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One project for all examples: whatever was written into it before is no protected file."""
    return made(tmp_path_factory.mktemp("project"))


@settings(max_examples=150, deadline=None)
@given(parts=st.lists(PART, min_size=1, max_size=5))
def test_whatever_may_be_written_is_no_protected_file(lasting, parts):
    before = snapshot(lasting)

    with suppress(ConfigError, IsADirectoryError, NotADirectoryError, FileExistsError):
        target = writable(lasting, "/".join(parts).lstrip("/") or "x", OWN)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("rows")

    assert snapshot(lasting) == before
