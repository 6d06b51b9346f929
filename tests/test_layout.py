"""The house rules that no linter knows: sizes, names, suppressions, specs, nothing of a host. More: `layout/`."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "osiris_dagster"
MODULES = sorted(PACKAGE.rglob("*.py"))
SPECS = sorted(ROOT.glob("components/*/spec.yaml"))

MAX_FILE, MAX_FUNCTION, USUAL_FUNCTION = 350, 60, 30
DRAWERS = {"utils", "util", "helpers", "helper", "core", "common", "manager", "misc"}
SUPPRESSION = re.compile(r"#\s*(?:noqa|type:\s*ignore|mypy:|ruff:|pragma:)")
REASONED = re.compile(r"#\s*(?:noqa:\s*[A-Z]+\d++(?:,\s*[A-Z]+\d++)*+|type:\s*ignore\[[a-z, -]+\])\W+\w.{8,}")
HOST_PATH = re.compile(rb"(?<![\w.])/(?:home|Users|root|work)/\w|\b[A-Z]:\\Users\\")
LINK = re.compile(r"\]\((?![a-z]+:)([^)#\s]+)")
PACKAGE_INDEX = re.compile(rb"https?://[^\s]*(?:pypi|/simple)")


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(module: Path) -> Iterator[tuple[str, int]]:
    """Yield where each function of a module begins and how many lines it has."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{relative(module)}:{node.lineno} {node.name}", (node.end_lineno or 0) - node.lineno + 1


def comments(module: Path) -> Iterator[tuple[str, str]]:
    """Yield place and text of each comment of a module."""
    with tokenize.open(module) as source:
        for token in tokenize.generate_tokens(source.readline):
            if token.type == tokenize.COMMENT:
                yield f"{relative(module)}:{token.start[0]}", token.string


def committed() -> list[Path]:
    """Return every file that git knows or would add."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_of_the_package_is_long() -> None:
    lines = {relative(module): len(module.read_text().splitlines()) for module in MODULES}
    assert {name: count for name, count in lines.items() if count > MAX_FILE} == {}


def test_no_function_is_long_and_most_are_short() -> None:
    lengths = dict(pair for module in MODULES for pair in functions(module))
    assert {name: count for name, count in lengths.items() if count > MAX_FUNCTION} == {}
    ninety = sorted(lengths.values())[int(len(lengths) * 0.9)]
    assert ninety <= USUAL_FUNCTION, f"one function in ten has more than {ninety - 1} lines"


def test_no_module_is_a_drawer() -> None:
    names = {relative(path): path.stem for path in [*MODULES, *PACKAGE.rglob("*/")]}
    assert [where for where, stem in names.items() if DRAWERS & set(stem.split("_"))] == []


def test_every_module_says_what_flows_in_and_out() -> None:
    assert [relative(m) for m in MODULES if not ast.get_docstring(ast.parse(m.read_text()))] == []


def test_every_suppression_has_a_code_and_a_reason() -> None:
    suppressions = [(where, text) for m in MODULES for where, text in comments(m) if SUPPRESSION.search(text)]
    assert [f"{where} {text}" for where, text in suppressions if not REASONED.search(text)] == []


def test_there_are_component_specs() -> None:
    assert SPECS


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.parent.name)
def test_a_component_has_its_own_folder_and_what_its_spec_names_can_be_imported(path: Path) -> None:
    spec = yaml.safe_load(path.read_text())
    assert spec["name"] == path.parent.name
    for target in spec["x-runtime"].values():
        module, _, name = target.partition(":")
        assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize("pattern", [HOST_PATH, PACKAGE_INDEX], ids=["path of a machine", "package index"])
def test_no_file_names_a_machine_or_a_package_index(pattern: re.Pattern[bytes]) -> None:
    found = {relative(file): pattern.search(file.read_bytes()) for file in committed()}
    assert {name: match.group() for name, match in found.items() if match} == {}


def test_requirements_lock_is_the_only_lock() -> None:
    assert not (ROOT / "uv.lock").exists()
    assert (ROOT / "requirements.lock").is_file()


def test_every_link_between_pages_leads_to_a_file() -> None:
    pages = [file for file in committed() if file.suffix == ".md" and ROOT / "tests" not in file.parents]
    links = [(page, link) for page in pages for link in LINK.findall(page.read_text())]
    assert [f"{relative(page)} -> {link}" for page, link in links if not (page.parent / link).exists()] == []
