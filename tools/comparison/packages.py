"""Packages as cases: what both sides make of the same recorded runs, byte for byte, and what each records itself.

OLD makes three projects: a run that succeeds, one that fails, one that is interrupted. Both sides begin with a copy, so
ids and times are the same and nothing is normalised. Projects that a checkout keeps in archives are read in the same
way. Then every side runs, fails and retries by itself, and there ids, times and measures are normalised.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from tools.comparison.case import Call, Case, calls
from tools.comparison.seeds import Seed
from tools.comparison.side import Side

_BEFORE = (
    "create table orders (id integer, customer varchar, amount decimal(4,2))",
    "insert into orders values (1, 'ann', 10.50), (2, 'bob', 4.00), (3, 'ann', 1.25)",
)
_PIPELINE = """\
oml_version: "0.2.0"
name: {name}
description: Orders of each customer.
owners: [data@example.com]
tags: {{domain: sales}}
metadata: {{intent: Tell sales who bought what.}}
steps:
  - {{id: orders, component: duckdb.extractor, mode: read, config: {{connection: "@duckdb.db", table: orders}}}}
  - id: totals
    component: duckdb.processor
    mode: transform
    config: {{query: "{query}"}}
  - id: out
    component: duckdb.writer
    mode: write
    config: {{connection: "@duckdb.db", table: totals, write_mode: replace}}
"""
_QUERIES = {
    "success": "select customer, sum(amount) as total from df_orders group by customer order by customer",
    "failure": "select customer::int as n from df_orders",
    "canceled": "select count(*) as n from df_orders, range(1000000) a, range(1000000) b where hash(a, b) = 1",
}
_INTERRUPTED_AFTER = 6.0  # seconds: time enough for the first step, on a machine that does other things
_ARCHIVES = ("tests/compatibility/project.tar.xz", "tests/fixtures/*/project.tar.xz")
_ARCHIVED_AT = "/fixture/project"
_FORMS = ("json", "md", "brief", "bundle", "openlineage", "ro-crate")
_RUN = {
    "success": calls("run p.yaml", "run p.yaml --json", "runs view --json", "logs aiop show --format md"),
    "failure": calls("run p.yaml", "run --retry last --json", "runs view --json", "logs aiop show --format md"),
}


def package_cases(old: Side, checkouts: Iterable[Path], place: Path) -> list[Case]:
    """Return the cases; `old` makes the projects that some of them begin with."""
    cases: list[Case] = []
    for name in _QUERIES:
        folder = place / f"made-{name}"
        after = _INTERRUPTED_AFTER if name == "canceled" else 0.0
        old.make(_project(name, (Call(("run", "p.yaml"), after),)), folder)
        cases += _reread(f"made by OLD: {name}", Seed(folder, str(folder)), old)
    for origin, archive in _archives(checkouts):
        cases += _reread(f"kept in {origin}", Seed(archive, _ARCHIVED_AT), old)
    return [*cases, *(_project(name, lines) for name, lines in _RUN.items())]


def _project(name: str, lines: tuple[Call, ...]) -> Case:
    files = {"p.yaml": _PIPELINE.format(name=name, query=_QUERIES[name]).encode()}
    name = f"each side by itself: {name}"
    return Case(name, lines, files, store="duckdb", before=_BEFORE, ours=frozenset({"orders", "totals"}), measured=True)


def _reread(name: str, seed: Seed, old: Side) -> Iterator[Case]:
    """Yield a case that reads every recorded run of a project, and one that goes on with its last."""
    listed = old.make(Case(name, calls("runs list --json --limit 200"), seed=seed), old.place / "case")
    (shown,) = (text for aspect, text in listed.items() if aspect.endswith("stdout"))
    lines = ["runs list --json --limit 200", "logs aiop list --json --limit 200"]
    for run in sorted(entry["run_id"] for entry in json.loads(shown)["runs"]):
        lines += [f"runs view {run} --json", f"runs view {run}", f"logs show {run} --json", f"logs bundle {run}"]
        lines += [f"logs aiop export {run} --policy full --output full", f"logs aiop export {run} --output core"]
        lines += [f"logs aiop show {run} --format {form}" for form in _FORMS] + [f"logs aiop verify {run} --json"]
    yield Case(name, calls(*lines), seed=seed, exact=True)
    yield Case(f"{name}, retried", calls("run --retry last"), seed=seed, measured=True)


def _archives(checkouts: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    found: dict[bytes, tuple[str, Path]] = {}
    for checkout in checkouts:
        for pattern in _ARCHIVES:
            for path in sorted(checkout.glob(pattern)):
                found.setdefault(path.read_bytes(), (path.relative_to(checkout).as_posix(), path))
    yield from found.values()
