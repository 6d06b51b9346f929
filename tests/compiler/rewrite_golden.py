"""Write the expected manifests of all golden cases anew: `python tests/compiler/rewrite_golden.py`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from osiris_dagster.compiler.lock import SchemaLock, lock_path, read_lock, write_lock
from tests.compiler.golden_cases import CASES, GOLDEN, compiled, golden_text


def main() -> None:
    for case in CASES:
        lock = lock_path(GOLDEN / case / "pipeline.yaml")
        if lock.is_file():
            # What the locks say of the sources holds; that it was said of these very steps, too.
            manifest = compiled(case, SchemaLock()).manifest
            entries = read_lock(lock, lock.name).steps.items()
            write_lock(lock, SchemaLock({k: replace(v, step=manifest.step(k).fingerprint) for k, v in entries}))
        (GOLDEN / case / "manifest.yaml").write_text(golden_text(compiled(case).manifest), encoding="utf-8")


if __name__ == "__main__":
    main()
