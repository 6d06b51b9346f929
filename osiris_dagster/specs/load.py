"""Spec files of the product and of installed packages in, the catalogue out."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from osiris_dagster.specs.catalogue import Catalogue
from osiris_dagster.specs.installed import installed_plugins
from osiris_dagster.specs.read import SPEC_FILE, components_folder, place_name, read_spec_file, spec_from


@cache
def load_catalogue() -> Catalogue:
    """Return the catalogue of this environment; it is read once.

    OmlError for a malformed spec of the product itself; what is wrong with others is in `Catalogue.unusable`.
    """
    own = read_catalogue(components_folder())
    plugins, unusable = installed_plugins()
    if not plugins:
        return Catalogue(own.entries, unusable)
    from osiris_dagster.specs.plugins import plugin_entries  # noqa: PLC0415 - only who has plugins pays for it

    brought, refused = plugin_entries(plugins, own.families)
    return Catalogue([*own.entries, *brought], [*unusable, *refused])


def read_catalogue(*folders: Path) -> Catalogue:
    """Return the catalogue of all `<name>/spec.yaml` below the folders. OmlError for a malformed spec."""
    files = [file for folder in folders for file in sorted(folder.glob(f"*/{SPEC_FILE}"))]
    read = [(file, read_spec_file(file)) for file in files]
    return Catalogue((spec_from(contents, place_name(file)), contents) for file, contents in read)
