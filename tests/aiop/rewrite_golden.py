"""Write the expected packages of all golden cases and the samples anew: `python tests/aiop/rewrite_golden.py`."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from cases import CASES, GOLDEN, built, card
from samples import rewrite_samples

from osiris_dagster.canonical import readable_json


def main() -> None:
    for case in CASES:
        package = built(case)
        (GOLDEN / case / "core.jsonld").write_text(readable_json(json.loads(package.core)), encoding="utf-8")
        (GOLDEN / case / "run-card.md").write_text(card(package), encoding="utf-8")
    with tempfile.TemporaryDirectory() as scratch:
        rewrite_samples(Path(scratch))


if __name__ == "__main__":
    main()
