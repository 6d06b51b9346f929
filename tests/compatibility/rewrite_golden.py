"""Write anew what is told about the old state, and its packages: `python tests/compatibility/rewrite_golden.py`.

It works with every version of the code. A difference is a change that users see after an upgrade.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.command import process
from tests.compatibility.state import ANSWERS, PACKAGES, old_project, packed, questions, work_off


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = old_project(Path(folder).resolve() / "project")
        runs = [run["run_id"] for run in process("runs", "list", "--json", cwd=root).data["runs"]]
        told = {question: process(*question.split(), cwd=root).out for question in questions(runs)}
        ANSWERS.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        PACKAGES.write_bytes(packed(work_off(root)))


if __name__ == "__main__":
    main()
