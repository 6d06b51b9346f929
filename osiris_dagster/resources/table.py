"""Which resource serves which family: a class of its own where the family has one, the plain one otherwise."""

from __future__ import annotations

from osiris_dagster.resources.driver import OsirisDriver
from osiris_dagster.resources.duckdb import DuckDBDriverResource
from osiris_dagster.specs.catalogue import Catalogue


def resource_key(family: str) -> str:
    """Return the name under which Dagster knows the resource of a family."""
    return f"osiris_{family}"


def driver_resources(catalogue: Catalogue) -> dict[str, OsirisDriver]:
    """Return one resource for each family of the catalogue, by resource key."""
    return {resource_key(family): _resource(family) for family in catalogue.families}


def _resource(family: str) -> OsirisDriver:
    return DuckDBDriverResource(family=family) if family == "duckdb" else OsirisDriver(family=family)
