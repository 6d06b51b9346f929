"""Two checkouts over the same material, compared byte for byte: `python tools/compare.py OLD NEW`.

Each checkout is used through its doors only: the `osiris` command of its .venv, the files that it documents, and the
servers that it writes to. So modules may be renamed between the two. CONTRIBUTING.md says how to read the outcome.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HERE))

try:
    import duckdb  # noqa: F401 - asked for whether this interpreter has what the parts need
    import psycopg2  # noqa: F401
    import pymysql  # noqa: F401
except ImportError:  # any Python may start the tool; the checkout's own goes on
    os.execv(HERE / ".venv/bin/python", [str(HERE / ".venv/bin/python"), *sys.argv])  # noqa: S606

from tests.servers.places import in_memory
from tools.comparison.differences import Difference, differences, read_expectations, report
from tools.comparison.named_tests import outcomes
from tools.comparison.parts import PARTS, STORES, Material
from tools.comparison.side import Side, side
from tools.comparison.stores import stores


def main(arguments: Sequence[str]) -> int:
    """Compare and report; 0 when there is no unexpected difference, and every expectation matched one."""
    parser = _parser()
    given = parser.parse_args(arguments)
    for checkout in (given.old, given.new):
        if not (checkout / "README.md").is_file():
            parser.error(f"{checkout} is no checkout")
    material = Material(given.old.resolve(), given.new.resolve(), given.sample, given.seed)
    found: list[Difference] = []
    parts = given.part or tuple(PARTS)
    with tempfile.TemporaryDirectory(prefix="osiris-compare-", dir=in_memory()) as place:
        with _sides(material, Path(place), {family for part in parts for family in STORES[part]}) as sides:
            for part in parts:
                begun = time.monotonic()
                found += (news := _compared(part, material, sides, Path(place)))
                print(f"{part}: {len(news)} differences, {time.monotonic() - begun:.0f} s", flush=True)
        if given.faults:
            found += _fault_tests(material, Path(place) / "tests")
    lines, good = report(found, read_expectations(given.expect), given.show)
    print("\n".join(lines), end="\n" if lines else "")
    print("as expected" if good else "not as expected")
    return 0 if good else 1


@contextmanager
def _sides(material: Material, place: Path, families: Iterable[str]) -> Iterator[tuple[Side, Side]]:
    """Start both checkouts, each with stores of its own; they end with the block."""
    with ExitStack() as stack:
        old, new = (
            stack.enter_context(side(checkout, place / name, stack.enter_context(stores(families))))
            for name, checkout in (("old", material.old), ("new", material.new))
        )
        yield old, new


def _compared(part: str, material: Material, sides: tuple[Side, Side], place: Path) -> list[Difference]:
    """Run a part on both sides at the same time, each case after the other on each side."""
    cases = PARTS[part](material, sides[0], place)
    print(f"{part}: {len(cases)} cases", flush=True)
    with ThreadPoolExecutor(2) as pool:
        old, new = pool.map(lambda each: [each.run(case) for case in cases], sides)
    pairs = zip(cases, old, new, strict=True)
    return [found for case, before, after in pairs for found in differences(part, case.name, before, after)]


def _fault_tests(material: Material, place: Path) -> list[Difference]:
    with ThreadPoolExecutor(2) as pool:
        old, new = pool.map(outcomes, (material.old, material.new), (place / "old", place / "new"))
    print(f"tests of faults: {len(old)} and {len(new)}", flush=True)
    return list(differences("tests of faults", "docs/faults.md", old, new))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Run two checkouts over the same material and compare what comes out.")
    parser.add_argument("old", type=Path, help="checkout to compare with; its own .venv runs it, if it has one")
    parser.add_argument("new", type=Path, nargs="?", default=HERE, help="checkout to judge; this one when left out")
    parser.add_argument("--part", action="append", choices=tuple(PARTS), help="only this; may be given again")
    parser.add_argument("--faults", action="store_true", help="also run the tests that docs/faults.md names")
    parser.add_argument("--expect", type=Path, help="YAML list of {match, reason}: the differences that are meant")
    parser.add_argument("--sample", type=int, default=0, help="this many cases of each part, chosen by --seed")
    parser.add_argument("--seed", type=int, default=0, help="chooses pairs and samples")
    parser.add_argument("--show", type=int, default=3, help="differences shown of each kind")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
