"""`osiris validate` of a 20-step file against a process that only imports what it cannot do without."""

from __future__ import annotations

import sys
from pathlib import Path

from measure import HERE, Bar, Case, Checkout, race

_STEP = """\
  - id: step_{n}
    component: duckdb.processor
    mode: transform
    needs: [{need}]
    config:
      query: "select *, {n} as c{n} from df_{need}"
"""


def twenty_steps() -> str:
    head = 'oml_version: "0.1.0"\nname: twenty\nsteps:\n'
    first = "  - {id: step_0, component: filesystem.csv_extractor, mode: read, config: {path: in.csv}}\n"
    middle = "".join(_STEP.format(n=n, need=f"step_{n - 1}") for n in range(1, 19))
    last = "  - {id: out, component: filesystem.csv_writer, mode: write, needs: [step_18], config: {path: out.csv}}\n"
    return head + first + middle + last


def own(folder: Path, checkout: Checkout) -> list[Case]:
    (folder / "twenty.yaml").write_text(twenty_steps())
    return [Case("validate", [checkout.osiris, "validate", "twenty.yaml"], cwd=str(folder))]


def bars(folder: Path) -> list[Bar]:
    imports = Case("imports", [sys.executable, "-c", "import yaml, jsonschema, click"])
    figures = race([imports, *own(folder, HERE)], rounds=9)
    floor, ours = figures["imports"], figures["validate"]
    detail = f"{ours.wall * 1000:.0f} ms against {floor.wall * 1000:.0f} ms; {ours.peak_mib:.0f} MiB"
    return [Bar("validate 20 steps: wall, against `import yaml, jsonschema, click`", ours.wall / floor.wall, 3, detail)]
