"""The golden cases: what a run left, and the package that must come out of it."""

from __future__ import annotations

import json
from pathlib import Path

from osiris_dagster.aiop.build import Built, build
from osiris_dagster.aiop.facts import Facts, checked, facts_from_dict
from osiris_dagster.aiop.runcard import run_card
from osiris_dagster.aiop.walk import scrub
from osiris_dagster.redaction import Redactor

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
CASES = tuple(sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir()))


def raw_facts(case: str) -> Facts:
    """Facts as a run leaves them, nothing cleaned yet."""
    folder = GOLDEN / case
    catalogue = json.loads((HERE / "catalogue.json").read_text(encoding="utf-8"))
    value = {
        "record": json.loads((folder / "record.json").read_text(encoding="utf-8")),
        "manifest": json.loads((folder / "manifest.json").read_text(encoding="utf-8")),
        "oml": (folder / "pipeline.yaml").read_text(encoding="utf-8"),
        "oml_sha256": "",
        **catalogue,
    }
    return checked(facts_from_dict(value))


def built(case: str) -> Built:
    return build(scrub(raw_facts(case), Redactor()))


def card(package: Built) -> str:
    return run_card(package.package, f"aiop/{package.names.folder}/{package.names.fingerprint}")
