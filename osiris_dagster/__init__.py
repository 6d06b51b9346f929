"""Pipelines written as OML, run as Dagster assets, explained after every run by an AI Operation Package."""

from __future__ import annotations

from importlib import import_module

__version__ = "0.1.0"

# Where each public name lives. Loaded when it is asked for: `osiris validate` must start without Dagster.
_PUBLIC = {
    "DagsterOsirisTranslator": "osiris_dagster.assets.translator",
    "DuckDBDriverResource": "osiris_dagster.resources.duckdb",
    "OsirisDriver": "osiris_dagster.resources.driver",
    "OsirisPipeline": "osiris_dagster.assets.pipeline",
    "OsirisPipelineComponent": "osiris_dagster.component",
    "StepData": "osiris_dagster.assets.translator",
    "osiris_assets": "osiris_dagster.embedding",
    "osiris_definitions": "osiris_dagster.embedding",
    "osiris_pipeline": "osiris_dagster.embedding",
    "osiris_resources": "osiris_dagster.embedding",
    "osiris_sensors": "osiris_dagster.embedding",
}
__all__ = ["__version__", *_PUBLIC]  # noqa: PLE0604 - the keys are names


def __getattr__(name: str) -> object:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
