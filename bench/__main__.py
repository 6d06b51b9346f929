"""`make bench`: every bar of the product as a ratio measured here and now, printed as one table."""

from __future__ import annotations

import importlib
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
BENCHES = ("validate", "compile", "trivial_run", "steps", "csv_to_parquet", "location")


def main(wanted: list[str]) -> None:
    from measure import show

    found = []
    for name in wanted or BENCHES:
        with tempfile.TemporaryDirectory() as folder:
            found += importlib.import_module(name).bars(Path(folder))
    packages = ", ".join(f"{name} {version(name)}" for name in ("dagster", "duckdb", "pyarrow"))
    print(f"Python {platform.python_version()}, {packages}; medians of whole processes, run in turn\n")
    show(found)


if __name__ == "__main__":
    main(sys.argv[1:])
