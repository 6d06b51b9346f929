"""The names of the package that others may use, each from the place that makes it public, and the page that lists them.

This is the single list: what stands on it, and what that uses, is alive; any other name of the package must be used by
one of these (`tests/layout/test_reach.py`).
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

import osiris_dagster

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "osiris_dagster"
EMBEDDING = "Embedding and the component"
ENTRY_POINTS = "Entry points"
COMPONENTS = "Drivers and inspectors of components"
CONNECTORS = "What connectors are made of"
SUITES = "Tests of connectors"
_INTRODUCTION = {
    EMBEDDING: "Imported from `osiris_dagster`; [Embedding](../embedding.md) shows how.",
    ENTRY_POINTS: "What a command, `dg` or a Dagster workspace file names.",
    CONNECTORS: "What a connector of your own may import; [Connectors](../connectors.md) shows how.",
    SUITES: "What its tests inherit.",
    COMPONENTS: "What the specs of the components name; a family may move them, as specs and code come together.",
}


@dataclass(frozen=True)
class PublicName:
    """One public name: what it is called, the `module:name` that defines it, and why it is public."""

    name: str
    target: str
    reason: str


def public_names() -> list[PublicName]:
    """Return all of them: of the package itself, entry points, for connectors from outside, and what specs name."""
    return [*_embedding(), *_entry_points(), *_connectors(), *_suites(), *_components()]


def public_page() -> str:
    """Return the page, a table for each reason to be public."""
    parts = [
        "# Public names",
        "What stands here stays, or a change of it stands in the change log. Everything else may move at any time.",
    ]
    names = public_names()
    for reason, text in _INTRODUCTION.items():
        rows = [f"| `{one.name}` | {_sentence(one.target)} | `{one.target}` |" for one in names if one.reason == reason]
        parts += f"## {reason}", text, "\n".join(["| name | what it is | where |", "|---|---|---|", *rows])
    return "\n\n".join(parts) + "\n"


def _embedding() -> Iterator[PublicName]:
    for name, module in osiris_dagster._PUBLIC.items():
        yield PublicName(name, f"{module}:{name}", EMBEDDING)


def _entry_points() -> Iterator[PublicName]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for name, target in project["scripts"].items():
        yield PublicName(name, target, ENTRY_POINTS)
    for group in project["entry-points"].values():
        for name, target in group.items():
            yield PublicName(name, target, ENTRY_POINTS)
    workspace = yaml.safe_load((PACKAGE / "new_project" / "workspace.yaml").read_text("utf-8"))
    for place in workspace["load_from"]:
        module = place["python_module"]
        yield PublicName(module, f"{module}:defs", ENTRY_POINTS)


def _connectors() -> Iterator[PublicName]:
    """Yield what the example of a connector imports, and the protocols that it fulfils."""
    example = ROOT / "examples" / "connector" / "osiris_arrow_files"
    found = {f"osiris_dagster.drivers.{module}:{name}" for module in _PROTOCOLS for name in _defined(module)}
    for file in example.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("osiris_dagster."):
                found |= {f"{node.module}:{alias.name}" for alias in node.names}
    yield from (PublicName(target.partition(":")[2], target, CONNECTORS) for target in sorted(found))


_PROTOCOLS = ("base", "inspection", "positions", "roles")


def _defined(module: str) -> list[str]:
    tree = ast.parse((PACKAGE / "drivers" / f"{module}.py").read_text("utf-8"))
    return [node.name for node in tree.body if isinstance(node, ast.ClassDef)]


def _suites() -> Iterator[PublicName]:
    """Yield the suites, and what describes a store, a source or a processor to them."""
    for file in sorted((PACKAGE / "testing").glob("*.py")):
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and (node.name.endswith("Conformance") or node.name in _DECLARED):
                yield PublicName(node.name, f"osiris_dagster.testing.{file.stem}:{node.name}", SUITES)


_DECLARED = ("Processor", "Source", "Store", "Workbench")


def _components() -> Iterator[PublicName]:
    named: dict[str, list[str]] = {}
    for file in sorted((ROOT / "components").glob("*/spec.yaml")):
        spec = yaml.safe_load(file.read_text("utf-8"))
        for target in spec["x-runtime"].values():
            named.setdefault(target, []).append(spec["name"])
    for target, specs in sorted(named.items()):
        yield PublicName("`, `".join(specs), target, COMPONENTS)


def _sentence(target: str) -> str:
    """Return the first paragraph of what a name says of itself, read without importing it."""
    module, _, name = target.partition(":")
    path = ROOT.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    tree = ast.parse(file.read_text("utf-8"))
    defined = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    text = ast.get_docstring(defined[name] if name else tree) or ""
    return " ".join(text.partition("\n\n")[0].split()).replace("|", "\\|")
