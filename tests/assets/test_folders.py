"""Folders of any size and state, loaded as a code server loads them: in a process of its own, down to the snapshot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

GOOD, BROKEN = 300, 20
PIPELINE = """\
oml_version: "0.2.0"
name: p{n}
schedule: "{minute} * * * *"
steps:
  - {{id: rows, component: duckdb.extractor, mode: read, config: {{connection: "@duckdb.ops", table: t{n}}}}}
  - {{id: big, component: duckdb.processor, mode: transform, config: {{query: select * from df_rows where n > {n}}}}}
  - {{id: out, component: duckdb.writer, mode: write, config: {{connection: "@duckdb.ops", table: t{next}}}}}
"""
LOAD = """\
import json
import sys
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._grpc.server import LoadedRepositories
from dagster._serdes import serialize_value

origin = LoadableTargetOrigin(module_name="osiris_dagster.definitions")
(repository,) = LoadedRepositories(origin, None, ["dagster"], None).definitions_by_name.values()
snapshot = RepositorySnap.from_def(repository, defer_snapshots=True)
keys = [node.asset_key.path for node in snapshot.asset_nodes]
print(json.dumps({
    "bytes": len(serialize_value(snapshot)),
    "steps": sum(path[0].startswith("p") for path in keys),
    "broken": sum(path[0] == "osiris_broken" for path in keys),
    "jobs": len(repository.job_names),
    "schedules": len(snapshot.schedules),
    "loaded": sorted({"numpy", "pyarrow", "sqlglot", "fsspec"} & set(sys.modules)),
}))
"""


def located(root: Path) -> dict[str, Any]:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("OSIRIS", "DAGSTER"))} | {"OSIRIS_HOME": str(root)}
    command = [sys.executable, "-W", "ignore", "-c", LOAD]
    # The bound is for a busy machine: a load whose cost grows with the square of the folder does not end within it.
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_huge_folder_with_broken_files_among_the_good_ones_loads(project):
    for n in range(GOOD):
        text = PIPELINE.format(n=n, minute=n % 60, next=n + 1)
        (project.pipelines / f"p{n}.yaml").write_text(text)
    for n in range(BROKEN):
        (project.pipelines / f"b{n}.yaml").write_text(f"name: [broken {n}\n")
    found = located(project.root)
    assert (found["steps"], found["broken"], found["schedules"]) == (3 * GOOD, BROKEN, GOOD)
    assert found["jobs"] >= GOOD


@pytest.mark.parametrize(("files", "broken"), [({}, 0), ({"a.yaml": "", "b.yaml": "\x00", "c.yaml": "[]"}, 3)])
def test_a_folder_with_nothing_good_in_it_loads(project, files, broken):
    for name, text in files.items():
        (project.pipelines / name).write_text(text)
    found = located(project.root)
    assert (found["steps"], found["broken"], found["schedules"]) == (0, broken, 0)
    assert found["loaded"] == []  # a code server that compiles nothing and runs nothing has no use for them
