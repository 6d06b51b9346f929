"""Compiled manifests on disk: `build/<pipeline>/<short>-<hash>/`, immutable, and a LATEST pointer beside them."""

from __future__ import annotations

from pathlib import Path

import yaml

from osiris_dagster.atomic import write_bytes
from osiris_dagster.canonical import readable_json, slug
from osiris_dagster.compiler.manifest import Manifest, cfg_path, manifest_from_dict
from osiris_dagster.errors import CompileError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
MANIFEST = "manifest.yaml"
SOURCE = "pipeline.yaml"
LATEST = "LATEST"


def manifest_folder(build: Path, pipeline: str, digest: str) -> Path:
    """Return where the manifest of that hash lies."""
    return build / slug(pipeline) / f"{digest[:7]}-{digest}"


def store(build: Path, manifest: Manifest, oml: str) -> Path:
    """Write a manifest, its step configurations and the OML text; return the folder. Equal manifests are kept as is."""
    folder = manifest_folder(build, manifest.pipeline, manifest.hash)
    if not (folder / MANIFEST).is_file():
        for step in manifest.steps:
            cfg = {"component": step.component, "config": dict(step.config), "connection": step.connection}
            write_bytes(folder / cfg_path(step.id), readable_json(cfg))
        plan = [{"id": s.id, "component": s.component, "needs": list(s.needs)} for s in manifest.steps]
        write_bytes(folder / "plan.json", readable_json(plan))
        write_bytes(folder / "fingerprints.json", readable_json(dict(manifest.fingerprints)))
        write_bytes(folder / SOURCE, oml)
        # Last, so that a folder with a manifest is complete.
        write_bytes(folder / MANIFEST, as_yaml(manifest))
    pointer = folder.parent / LATEST
    if not pointer.is_file() or pointer.read_text(encoding="utf-8").strip() != folder.name:
        write_bytes(pointer, folder.name + "\n")
    return folder


def as_yaml(manifest: Manifest) -> str:
    """Return the canonical YAML of a manifest: sorted keys, one form for equal manifests."""
    text: str = yaml.dump(manifest.as_dict(), Dumper=_DUMPER, sort_keys=True, allow_unicode=True, width=120)
    return text


def load(build: Path, pipeline: str, digest: str) -> Manifest:
    """Load the manifest of that hash; CompileError when it is not there."""
    return _read(manifest_folder(build, pipeline, digest), pipeline)


def load_latest(build: Path, pipeline: str) -> Manifest:
    """Load what was compiled last for a pipeline; CompileError when nothing was."""
    pointer = build / slug(pipeline) / LATEST
    if not pointer.is_file():
        raise _absent(pipeline, "nothing was compiled")
    return _read(pointer.parent / pointer.read_text(encoding="utf-8").strip(), pipeline)


def source_text(build: Path, pipeline: str, digest: str) -> str:
    """Return the OML text that a manifest was compiled from; empty when the folder is gone."""
    path = manifest_folder(build, pipeline, digest) / SOURCE
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _read(folder: Path, pipeline: str) -> Manifest:
    try:
        text = (folder / MANIFEST).read_text(encoding="utf-8")
        return manifest_from_dict(yaml.load(text, Loader=_LOADER))  # noqa: S506 - a safe loader
    except FileNotFoundError:
        raise _absent(pipeline, folder.name) from None
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise CompileError(
            f"the manifest of pipeline {pipeline!r} in {folder.name} is damaged",
            code="CMP051",
            found=type(error).__name__,
            fix="delete that folder below build/ and compile again",
        ) from None


def _absent(pipeline: str, found: str) -> CompileError:
    return CompileError(
        f"no compiled manifest of pipeline {pipeline!r}",
        code="CMP050",
        found=found,
        expected="a folder below build/",
        fix="run `osiris compile` on its OML file",
    )
