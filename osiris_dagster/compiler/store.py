"""Compiled manifests on disk: `build/<pipeline>/<short>-<hash>/`, immutable, and a LATEST pointer beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from osiris_dagster.atomic import write_bytes
from osiris_dagster.canonical import canonical_json, readable_json, sha256, slug
from osiris_dagster.compiler.manifest import Manifest, cfg_path
from osiris_dagster.errors import CompileError, ConfigError

_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
MANIFEST = "manifest.yaml"  # for people
CANONICAL = "manifest.json"  # the same for programs; its SHA-256 is the hash of the manifest
SOURCE = "pipeline.yaml"
LATEST = "LATEST"


def manifest_folder(build: Path, pipeline: str, digest: str) -> Path:
    """Return where the manifest of that hash lies."""
    return build / slug(pipeline) / f"{digest[:7]}-{digest}"


def store(build: Path, manifest: Manifest, oml: str) -> Path:
    """Write a manifest, its step configurations and the OML text; return the folder. Equal manifests are kept as is.

    Raises ConfigError when the folder cannot be written.
    """
    folder = manifest_folder(build, manifest.pipeline, manifest.hash)
    try:
        if not _is_whole(folder, manifest):
            _write(folder, manifest, oml)
        if not _holds(folder.parent / LATEST, folder.name + "\n"):
            write_bytes(folder.parent / LATEST, folder.name + "\n", durable=False)
    except OSError as error:
        raise ConfigError(
            f"the manifest of pipeline {manifest.pipeline!r} cannot be written",
            code="CFG031",
            found=error.strerror or type(error).__name__,
            expected="a folder for compiled manifests that can be written",
            fix="check the space and the rights of the folder build/ of the project",
        ) from None
    return folder


def _is_whole(folder: Path, manifest: Manifest) -> bool:
    """Tell whether the folder is as it was written: the bytes that were written last have the digest it is named by."""
    try:
        whole = sha256((folder / CANONICAL).read_bytes()) == manifest.hash
        return whole and all((folder / name).stat().st_size > 0 for name in _names(manifest))
    except OSError:
        return False


def _names(manifest: Manifest) -> tuple[str, ...]:
    return (MANIFEST, SOURCE, "plan.json", "fingerprints.json", *(cfg_path(step.id) for step in manifest.steps))


def _write(folder: Path, manifest: Manifest, oml: str) -> None:
    """Write every file. None is synced: what a crash takes is found to be missing, and written again."""
    plan = [{"id": s.id, "component": s.component, "needs": list(s.needs)} for s in manifest.steps]
    configs = {
        cfg_path(s.id): readable_json({"component": s.component, "config": dict(s.config), "connection": s.connection})
        for s in manifest.steps
    }
    files: dict[str, bytes | str] = {
        **configs,
        "plan.json": readable_json(plan),
        "fingerprints.json": readable_json(dict(manifest.fingerprints)),
        SOURCE: oml,
        MANIFEST: as_yaml(manifest),
        CANONICAL: canonical_json(manifest.to_json()),
    }
    for name, data in files.items():
        write_bytes(folder / name, data, durable=False)


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()


class _Dumper(_DUMPER):  # type: ignore[misc]  # the C dumper where there is one
    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        """Write a value out wherever it stands: an alias would tell equal objects from the same one."""
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """Keep the lines of a text, so that a query reads in the manifest as in the OML."""
        node: yaml.ScalarNode = self.represent_scalar(
            "tag:yaml.org,2002:str", data, style="|" if "\n" in data else None
        )
        return node


_Dumper.add_representer(str, _Dumper.represent_str)


def as_yaml(manifest: Manifest) -> str:
    """Return the canonical YAML of a manifest: sorted keys, one form for equal manifests."""
    text: str = yaml.dump(manifest.to_json(), Dumper=_Dumper, sort_keys=True, allow_unicode=True, width=120)
    return text


def load(build: Path, pipeline: str, digest: str) -> Manifest:
    """Load the manifest of that hash; CompileError when it is not there or damaged."""
    return _read(manifest_folder(build, pipeline, digest), pipeline)


def load_latest(build: Path, pipeline: str) -> Manifest:
    """Load what was compiled last for a pipeline; CompileError when nothing was, or when it is damaged."""
    pointer = build / slug(pipeline) / LATEST
    if not pointer.is_file():
        raise _absent(pipeline, "nothing was compiled")
    return _read(pointer.parent / pointer.read_text(encoding="utf-8", errors="replace").strip(), pipeline)


def source_text(build: Path, pipeline: str, digest: str) -> str:
    """Return the OML text that a manifest was compiled from; empty when the folder is gone."""
    path = manifest_folder(build, pipeline, digest) / SOURCE
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _read(folder: Path, pipeline: str) -> Manifest:
    try:
        data = (folder / CANONICAL).read_bytes()
        if sha256(data) != folder.name.rpartition("-")[2]:
            raise ValueError("another content than the name of its folder says")
        return Manifest.from_json(json.loads(data))
    except FileNotFoundError:
        raise _absent(pipeline, folder.name) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CompileError(
            f"the manifest of pipeline {pipeline!r} in {folder.name} is damaged",
            code="CMP051",
            found=str(error).splitlines()[0],
            fix="run `osiris compile` on its OML file, which writes it anew",
        ) from None


def _absent(pipeline: str, found: str) -> CompileError:
    return CompileError(
        f"no compiled manifest of pipeline {pipeline!r}",
        code="CMP050",
        found=found,
        expected="a folder below build/",
        fix="run `osiris compile` on its OML file",
    )
