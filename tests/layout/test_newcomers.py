"""The table of CONTRIBUTING.md that tells which files a change touches, tried in a copy of the product."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
NEWCOMERS = yaml.safe_load((Path(__file__).parent / "newcomers.yaml").read_text("utf-8"))
PLACEHOLDERS = {"<family>": "acme", "<role>": "extractor", "<topic>": "steps", "<verb>": "hello", "<part>": "delta"}
OSIRIS = "from osiris_dagster.cli.main import main; main()"
STEP = "{{id: {id}, component: {component}, mode: {mode}, config: {config}}}"
PIPELINES = {
    "step": [("step", "duckdb.processor", "transform", "{query: select 1 as n}")],
    "numbers": [
        ("numbers", "acme.extractor", "read", "{last: 3}"),
        ("out", "filesystem.csv_writer", "write", "{path: data/numbers.csv}"),
    ],
}


def row(what: str) -> list[set[str]]:
    """Return the paths that each cell of a row names, placeholders filled in."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    (line,) = (line for line in text.splitlines() if line.startswith(f"| {what} |"))
    for placeholder, value in PLACEHOLDERS.items():
        line = line.replace(placeholder, value)
    return [{path for path in re.findall(r"`([^`]+)`", cell) if "/" in path} for cell in line.split("|")[2:-1]]


def copy_with(folder: Path, change: dict) -> None:
    """Put the product into a folder and make the newcomer's change there."""
    for part in ("osiris_dagster", "components", *(["docs", "tests/drivers"] if "generated" in change else [])):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "img", "samples"))
    shutil.copy(ROOT / "pyproject.toml", folder)  # names entry points, which the reference pages show
    for path, text in change["new"].items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text, "utf-8")
    for path, edits in change["edits"].items():
        text = (folder / path).read_text("utf-8")
        for edit in edits:
            end = text.index(edit["after"]) + len(edit["after"]) if edit["after"] else len(text)
            text = text[:end] + edit["text"] + text[end:]
        (folder / path).write_text(text, "utf-8")


def generated(folder: Path) -> set[str]:
    """Let the copy write what it generates; return the files of its package that changed."""
    before = {path: path.read_bytes() for path in (folder / "osiris_dagster").rglob("*.json")}
    command = [sys.executable, "-B", str(folder / "docs" / "generate.py")]
    subprocess.run(command, env=environment_of(folder), check=True, timeout=120)
    changed = (path for path, data in before.items() if path.read_bytes() != data)
    return {path.relative_to(folder).as_posix() for path in changed}


def environment_of(copy: Path) -> dict[str, str]:
    # Coverage is of the product, not of a copy that is gone when the report is written.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    return environment | {"PYTHONPATH": str(copy), "DAGSTER_HOME": str(copy.parent)}


def project(folder: Path) -> Path:
    (folder / "pipelines").mkdir(parents=True)
    (folder / "osiris.yaml").touch()
    for name, steps in PIPELINES.items():
        keys = ("id", "component", "mode", "config")
        lines = [f"  - {STEP.format(**dict(zip(keys, step, strict=True)))}\n" for step in steps]
        text = f'oml_version: "0.2.0"\nname: {name}\nsteps:\n{"".join(lines)}'
        (folder / "pipelines" / f"{name}.yaml").write_text(text, "utf-8")
    return folder


@pytest.mark.parametrize("what", NEWCOMERS)
def test_the_table_names_the_files_that_a_change_takes(tmp_path: Path, what: str) -> None:
    change = NEWCOMERS[what]
    new, edited, _ = row(what)
    assert (new, edited) == (set(change["new"]), set(change["edits"]))
    copy_with(tmp_path / "copy", change)
    shop = project(tmp_path / "shop")
    if "generated" in change:
        assert generated(tmp_path / "copy") == set(change["generated"])
    environment = environment_of(tmp_path / "copy")
    for asked in change["asked"]:
        command = [sys.executable, "-c", OSIRIS, *asked["ask"].split()]
        done = subprocess.run(
            command, cwd=shop, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        said = done.stdout + done.stderr
        assert asked["says"] in said
        assert done.returncode == asked.get("code", 0), said


def test_the_table_names_files_that_know_a_sample() -> None:
    what, sample = "OML key", "timeout"
    named = set().union(*row(what)[:2])
    known = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "osiris_dagster").rglob("*.*")
        if path.suffix != ".pyc" and re.search(rf"\b{sample}\b", path.read_text("utf-8"))
    }
    assert named
    assert named - known == set()


def test_the_files_that_tests_and_pages_of_a_change_stand_in_are_there() -> None:
    for what in (*NEWCOMERS, "OML key"):
        for path in row(what)[2]:
            assert path.startswith("tests/drivers/test_acme") or (ROOT / path).exists(), path
