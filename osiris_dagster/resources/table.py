"""Which resource serves which family: a class of its own where the family has one, the plain one otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from osiris_dagster.errors import ConfigError
from osiris_dagster.resources.driver import OsirisDriver
from osiris_dagster.resources.duckdb import DuckDBDriverResource
from osiris_dagster.specs.catalogue import Catalogue


def resource_key(family: str) -> str:
    """Return the name under which Dagster knows the resource of a family."""
    return f"osiris_{family}"


def driver_resources(
    catalogue: Catalogue, replaced: Mapping[str, OsirisDriver] | None = None, families: Iterable[str] = ()
) -> dict[str, OsirisDriver]:
    """Return one resource for each family of the catalogue, by resource key; ConfigError if none is `replaced` so.

    Other `families`, which compiled pipelines use, have one too: a step of theirs says what is not installed here.
    """
    own = {resource_key(family): _resource(family) for family in dict.fromkeys([*catalogue.families, *families])}
    for key in replaced or {}:
        if key not in own:
            raise ConfigError(
                f"there is no driver resource {key!r} to replace",
                code="CFG069",
                found=key,
                expected=", ".join(own),
                fix="resources of your own go to the Definitions of your project",
            )
    return {**own, **(replaced or {})}


def _resource(family: str) -> OsirisDriver:
    return DuckDBDriverResource(family=family) if family == "duckdb" else OsirisDriver(family=family)
