"""`make bench`: every bar of the product as a ratio measured here and now, printed as one table.

`--pairs OLD` compares with another checkout instead; see `pairs.py`.
"""

from __future__ import annotations

import argparse
import importlib
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
BENCHES = ("validate", "compile", "trivial_run", "steps", "csv_to_parquet", "location")


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", default=BENCHES, help="benches; those of `make bench` when left out")
    parser.add_argument("--pairs", type=Path, metavar="OLD", help="compare with this checkout; exit code 1 if worse")
    parser.add_argument("--rounds", type=int, default=5, help="pairs of each case")
    chosen = parser.parse_args()
    if chosen.pairs:
        from pairs import compare

        sys.exit(0 if compare(chosen.pairs, chosen.names, chosen.rounds) else 1)
    measure_bars(chosen.names)


def measure_bars(names: list[str]) -> None:
    from measure import show

    found = []
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            found += importlib.import_module(name).bars(Path(folder))
    packages = ", ".join(f"{name} {version(name)}" for name in ("dagster", "duckdb", "pyarrow"))
    print(f"Python {platform.python_version()}, {packages}; medians of whole processes, run in turn\n")
    show(found)


if __name__ == "__main__":
    main()
