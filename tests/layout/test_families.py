"""Driver families do not know each other, and the tests of each inherit what every connector promises."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.layout.suites import inherited_suites, missing_suites

ROOT = Path(__file__).parent.parent.parent
SPECS = [yaml.safe_load(path.read_text("utf-8")) for path in sorted(ROOT.glob("components/*/spec.yaml"))]
TESTING = ROOT / "osiris_dagster" / "testing"
INHERITED = inherited_suites(TESTING, ROOT / "tests" / "drivers")
CASES = Path(__file__).parent / "suites.yaml"
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"
DRIVERS = "osiris_dagster.drivers"


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec["name"])
def test_the_tests_of_a_component_inherit_the_suites_of_its_role(spec: dict) -> None:
    assert missing_suites(spec, INHERITED) == set()


@pytest.mark.parametrize("case", yaml.safe_load(CASES.read_text("utf-8")), ids=lambda case: case["name"])
def test_a_component_whose_tests_inherit_too_little_is_found(tmp_path: Path, case: dict) -> None:
    (tmp_path / "test_acme.py").write_text(case["tests"])
    spec = {
        "name": "acme.table",
        "modes": [case["mode"]],
        "configSchema": {"properties": {"write_mode": {"enum": case.get("write_modes", [])}}},
        "x-runtime": {"driver": "acme:Driver", "inspector": "acme:Inspector"},
    }
    assert missing_suites(spec, inherited_suites(TESTING, tmp_path)) == set(case["missing"])


def lint(root: Path) -> tuple[int, str]:
    """Judge the package in a folder by the contracts of this project."""
    shutil.copy(ROOT / "pyproject.toml", root)
    command = [sys.executable, "-c", LINT, "--no-cache", "--no-logo"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, " ".join(f"{done.stdout}{done.stderr}".split())


def test_a_new_family_that_knows_another_breaks_the_contract_without_being_named_in_it(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "osiris_dagster", tmp_path / "osiris_dagster", ignore=ignored)
    family = tmp_path / "osiris_dagster" / "drivers" / "acme"
    family.mkdir()
    (family / "__init__.py").write_text(f"from {DRIVERS}.base import StepCall\n")
    code, said = lint(tmp_path)
    assert (code, "0 broken" in said) == (0, True)
    (family / "read.py").write_text(f"from {DRIVERS}.mysql.session import Session\n")
    (family.parent / "single.py").write_text(f"from {DRIVERS}.duckdb import DuckDBDriver\n")
    code, said = lint(tmp_path)
    assert (code, "1 broken" in said) == (1, True)
    assert f"{DRIVERS}.acme is not allowed to import {DRIVERS}.mysql" in said
    assert f"{DRIVERS}.single is not allowed to import {DRIVERS}.duckdb" in said
    assert f"{DRIVERS}.supabase is not allowed" not in said
