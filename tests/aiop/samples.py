"""The sample packages of the documentation: whole packages of two golden cases, as an export writes them."""

from __future__ import annotations

import shutil
from pathlib import Path

from cases import logs, raw_facts

from osiris_dagster.aiop.disk.export import seal, staging_folder, write_package
from osiris_dagster.aiop.facts.map_texts import scrub
from osiris_dagster.redaction import Redactor

SAMPLES = Path(__file__).parents[2] / "docs" / "samples"
NAMES = ("success", "failure")


def write_sample(name: str, target: Path) -> Path:
    """Write the package of a case into a folder and return it."""
    with staging_folder(target) as folder:
        return write_package(target, seal(scrub(raw_facts(name), Redactor()), folder, logs(name)), folder)


def rewrite_samples(scratch: Path) -> None:
    for name in NAMES:
        shutil.rmtree(SAMPLES / name, ignore_errors=True)
        shutil.copytree(write_sample(name, scratch / name), SAMPLES / name)
