"""Which conformance suites the tests of each component inherit, read from the classes without running them.

A suite counts for a component when a class that pytest collects has it among its bases and names the component in its
`store`, `source` or `processor`, as does `store = Store("shop.extractor", "shop.writer", ...)`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Place = tuple[str, str]  # file without `.py`, name in it
DECLARATIONS = {"store", "source", "processor"}
READS_AND_WRITES, APPENDS, UPSERTS = (
    ("conformance", "DriverConformance"),
    ("conformance", "AppendConformance"),
    ("tables", "TableConformance"),
)
TRANSFORMS, INSPECTS = ("processing", "ProcessorConformance"), ("inspection", "InspectionConformance")


@dataclass(frozen=True)
class TestFile:
    """The classes and other names of one file, and where its imported names come from."""

    classes: Mapping[str, ast.ClassDef]
    assigned: Mapping[str, ast.expr]
    imported: Mapping[str, Place]


def missing_suites(spec: Mapping[str, Any], inherited: Mapping[str, set[Place]]) -> set[str]:
    """Return the names of the suites that a spec calls for and no test of it inherits."""
    return {name for file, name in needed(spec) if (file, name) not in inherited.get(spec["name"], set())}


def needed(spec: Mapping[str, Any]) -> Iterator[Place]:
    write_modes = spec["configSchema"]["properties"].get("write_mode", {}).get("enum", ())
    if "transform" in spec["modes"]:
        yield TRANSFORMS
    else:
        yield UPSERTS if "upsert" in write_modes else APPENDS if "append" in write_modes else READS_AND_WRITES
    if "inspector" in spec["x-runtime"]:
        yield INSPECTS


def inherited_suites(*folders: Path) -> dict[str, set[Place]]:
    """Return the classes, by file and name, that the tests of each component have among their bases."""
    files = {path.stem: read(path) for folder in folders for path in folder.glob("*.py")}
    found: dict[str, set[Place]] = {}
    for stem, file in files.items():
        for name in file.classes:
            if stem.startswith("test_") and name.startswith("Test"):
                bases = list(ancestors((stem, name), files))
                for component in declared(bases, files):
                    found.setdefault(component, set()).update(bases[1:])
    return found


def read(path: Path) -> TestFile:
    body = ast.parse(path.read_text("utf-8")).body
    return TestFile(
        {node.name: node for node in body if isinstance(node, ast.ClassDef)},
        dict(pair for node in body for pair in assignments(node)),
        {
            alias.asname or alias.name: ((node.module or "").rpartition(".")[2], alias.name)
            for node in body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        },
    )


def assignments(node: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Assign):
        yield from ((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))


def ancestors(place: Place, files: Mapping[str, TestFile]) -> Iterator[Place]:
    """Yield a class and its bases, nearest first."""
    stem, name = place
    if stem not in files:
        return
    if name in files[stem].classes:
        yield place
        for base in files[stem].classes[name].bases:
            if isinstance(base, ast.Name):
                yield from ancestors((stem, base.id), files)
    elif name in files[stem].imported:
        yield from ancestors(files[stem].imported[name], files)


def declared(places: list[Place], files: Mapping[str, TestFile]) -> Iterator[str]:
    """Yield the components that the nearest declaration names."""
    for stem, name in places:
        for node in files[stem].classes[name].body:
            for target, value in assignments(node):
                if target in DECLARATIONS:
                    given = files[stem].assigned.get(value.id) if isinstance(value, ast.Name) else value
                    arguments = given.args if isinstance(given, ast.Call) else []
                    yield from (str(one.value) for one in arguments if isinstance(one, ast.Constant))
                    return
