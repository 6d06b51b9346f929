"""The tests that `docs/faults.md` names for the network and the servers: how they end in a checkout.

Such faults need processes that are killed and lines that freeze at the right moment, and the tests of a checkout know
how to make them. Those of a shared suite run for every connector that inherits it.
"""

from __future__ import annotations

import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

from tools.comparison.side import clean_environment, python_of

_PAGE = "docs/faults.md"
_SECTION = re.compile(r"^## The network and the servers\n(.*?)(?=^## )", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")
_SHARED = "drivers/conformance.py"


def outcomes(checkout: Path, folder: Path) -> dict[str, str]:
    """Run the tests; return `passed`, `failure` or `error` for each. RuntimeError when pytest cannot run them."""
    section = _SECTION.search((checkout / _PAGE).read_text("utf-8"))
    named = sorted(set(_NAMED.findall(section[1]))) if section else []
    files = {f"tests/{file}" for file, _ in named if file != _SHARED}
    if any(file == _SHARED for file, _ in named):
        inheriting = [path for path in checkout.glob("tests/drivers/test_*.py") if "Conformance)" in path.read_text()]
        files |= {path.relative_to(checkout).as_posix() for path in inheriting}
    folder.mkdir(parents=True)
    report = folder / "report.xml"
    chosen = " or ".join(sorted({name for _, name in named}))
    command: list[str | Path] = [
        python_of(checkout),
        "-m",
        "pytest",
        *sorted(files),
        "-k",
        chosen,
        f"--junit-xml={report}",
    ]
    done = subprocess.run(
        [*command, "-q", "-p", "no:cacheprovider"],
        cwd=checkout,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if not report.exists():
        raise RuntimeError(f"the tests of {checkout} cannot run: {(done.stdout + done.stderr)[-2000:]}")
    cases = ET.parse(report).iter("testcase")  # noqa: S314 - pytest has just written it
    return {f"{case.get('classname')}::{case.get('name')}": _outcome(case) for case in cases}


def _outcome(case: ET.Element) -> str:
    return next((child.tag for child in case if child.tag in ("failure", "error", "skipped")), "passed")
