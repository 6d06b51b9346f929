"""Packages that bring components, put into a folder as an installer would, their metadata included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

SPEC: dict[str, Any] = {
    "name": "",
    "version": "1.0.0",
    "title": "Rows of Acme",
    "description": "Reads a table.",
    "modes": ["extract"],
    "capabilities": {"streaming": True},
    "configSchema": {
        "type": "object",
        "additionalProperties": False,
        "required": ["table"],
        "properties": {"table": {"type": "string", "description": "The table."}},
    },
    "examples": [{"title": "A table", "config": {"table": "orders"}}],
}


def install(folder: Path, package: dict[str, Any]) -> None:
    """Put one package of `packages.yaml` into a folder of `sys.path`."""
    name, version = package["package"], package["version"]
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n"
    (info / "METADATA").write_text(package.get("metadata", metadata))
    entries = f"[osiris_dagster.components]\n{package.get('family')} = {package.get('module')}\n"
    (info / "entry_points.txt").write_text(package.get("entry_points", entries))
    for component in package.get("components", ()):
        module = package["module"]
        spec = {**SPEC, "name": component, "x-runtime": {"driver": f"{module}.driver:Driver"}}
        text = yaml.safe_dump({**spec, **package.get("changes", {})}, sort_keys=False)
        write(folder / module.replace(".", "/") / "components" / component / "spec.yaml", text)
    for path, text in package.get("files", {}).items():
        write(folder / path, text)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
