"""Fixtures of the OML tests: the catalogue with sample components, and fragments made into documents."""

from __future__ import annotations

from pathlib import Path

import pytest

from osiris_dagster.specs.catalogue import Catalogue
from osiris_dagster.specs.load import read_catalogue
from osiris_dagster.specs.read import components_folder

SAMPLES = Path(__file__).parent.parent / "specs" / "data"


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The shipped components and those of the made-up family `demo`."""
    return read_catalogue(components_folder(), SAMPLES)
