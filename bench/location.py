"""A location of 1,000 pipelines against one written by hand: loaded when nothing changed, and when one file did.

Each load is what a code server does from its start to the answer that the webserver waits for: a process of its own
that imports Dagster and the location, builds every definition and serializes the repository. The hand-written module
builds the same multi_assets, jobs, schedules and sensors with the same metadata in a loop, which is the cheapest way to
write them. It leaves out what we add beside them, an asset for every table and one for the packages of every pipeline:
with those, written by hand as one AssetSpec each, Dagster takes 309 s of CPU for the same location.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from measure import HERE, Bar, Case, Checkout, Figures, race

PIPELINES = 1000
_OML = """\
oml_version: "0.2.0"
name: p{n}
description: Pipeline {n}.
owners: [data@example.com]
tags: {{domain: sales}}
schedule: "{minute} 3 * * *"
params: {{least: {{default: 0}}}}
steps:
  - {{id: orders, component: duckdb.extractor, mode: read, config: {{connection: "@duckdb.ops", table: orders_{n}}}}}
  - id: kept
    component: duckdb.processor
    mode: transform
    config: {{query: "select id, customer, amount, day from df_orders where amount > ${{params.least}}"}}
  - id: daily
    component: duckdb.processor
    mode: transform
    config: {{query: "select customer, day, sum(amount) as total from df_kept group by customer, day"}}
  - id: ranked
    component: duckdb.processor
    mode: transform
    config: {{query: "select *, rank() over (partition by day order by total desc) as place from df_daily"}}
  - {{id: out, component: duckdb.writer, mode: write, config: {{connection: "@duckdb.ops", table: ranked_{n}}}}}
"""
_CONNECTIONS = "connections: {duckdb: {ops: {path: data/ops.duckdb, default: true}}}\n"
_SEED = """\
import duckdb, sys
with duckdb.connect("data/ops.duckdb") as session:
    for n in range(int(sys.argv[1])):
        session.execute(f"create table orders_{n}(id int, customer varchar, amount decimal(8,2), day date)")
"""
_LOAD = """\
import sys
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._grpc.server import LoadedRepositories
from dagster._serdes import serialize_value

loaded = LoadedRepositories(LoadableTargetOrigin(module_name=sys.argv[1]), None, ["dagster"], None)
(repository,) = loaded.definitions_by_name.values()
snapshot = serialize_value(RepositorySnap.from_def(repository, defer_snapshots=True))
print(len(snapshot), len(repository.asset_graph.get_all_asset_keys()), len(repository.get_all_jobs()))
"""
_TOUCH = """\
import pathlib, re
file = pathlib.Path("pipelines/p7.yaml")
text = file.read_text()
old = int(re.search(r"default: ([0-9]+)", text)[1])
file.write_text(text.replace(f"default: {old}", f"default: {old + 1}"))
"""
_HAND = """\
import json
from pathlib import Path

import dagster as dg

ROOT = Path("pipelines").resolve()
FACTS = json.loads(Path("facts.json").read_text())


class Driver(dg.ConfigurableResource):
    family: str


def schema(columns):
    return dg.TableSchema(
        [
            dg.TableColumn(name, kind, said, constraints=dg.TableColumnConstraints(nullable=True))
            for name, kind, said in columns
        ]
    )


def lineage(columns, n):
    return dg.TableColumnLineage(
        {
            name: [
                dg.TableColumnDep(dg.AssetKey([part.replace("orders_1", f"orders_{n}") for part in path]), column)
                for path, column in deps
            ]
            for name, deps in columns.items()
        }
    )


def pipeline(n):
    name = f"p{n}"
    specs = []
    for step in FACTS:
        deps = [dg.AssetKey([name, step["need"]])] if step["need"] else []
        if step["reads"]:
            deps.append(dg.AssetKey(["duckdb", "ops", "main", f"orders_{n}"]))
        reference = dg.LocalFileCodeReference(
            file_path=str(ROOT / f"{name}.yaml"), line_number=step["line"], label=f"step {step['id']}"
        )
        specs.append(
            dg.AssetSpec(
                key=dg.AssetKey([name, step["id"]]),
                deps=deps,
                skippable=True,
                description=step["description"],
                group_name=name,
                kinds=set(step["kinds"]),
                owners=["data@example.com"],
                tags={"domain": "sales"},
                code_version=step["version"],
                metadata={
                    "dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[reference]),
                    "osiris/component": step["component"],
                    "osiris/manifest": step["manifest"],
                    "osiris/packages": dg.MetadataValue.asset(dg.AssetKey(["aiop", name])),
                    "osiris/config": dg.MetadataValue.json(step["config"]),
                    "dagster/column_schema": schema(step["columns"]),
                    "dagster/column_lineage": lineage(step["lineage"], n),
                    **({"osiris/connection": step["connection"]} if step["connection"] else {}),
                },
            )
        )

    @dg.multi_asset(
        name=name,
        specs=specs,
        can_subset=True,
        description=f"Pipeline {n}.",
        required_resource_keys={"osiris_duckdb"},
        op_tags={"dagster/kind/duckdb": ""},
    )
    def run(context: dg.AssetExecutionContext):
        yield from ()

    job = dg.define_asset_job(
        name=f"{name}_job",
        selection=dg.AssetSelection.assets(*(spec.key for spec in specs)),
        description=f"Pipeline {n}.",
        executor_def=dg.in_process_executor,
        tags={"osiris/pipeline": name, "osiris/manifest": FACTS[0]["manifest"][:32], "domain": "sales"},
    )
    schedule = dg.ScheduleDefinition(
        name=f"{name}_schedule",
        job_name=f"{name}_job",
        cron_schedule=f"{n % 60} 3 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    return run, job, schedule


def sensors():
    for status in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED):
        yield dg.run_status_sensor(run_status=status, name=f"on_{status.value.lower()}")(lambda context: None)
    for name in ("reconcile", "export"):
        yield dg.sensor(name=name, job_name="p0_job")(lambda context: None)


built = [pipeline(n) for n in range(int(Path("count").read_text()))]
defs = dg.Definitions(
    assets=[assets for assets, _, _ in built],
    jobs=[job for _, job, _ in built],
    schedules=[schedule for _, _, schedule in built],
    sensors=list(sensors()),
    resources={"osiris_duckdb": Driver(family="duckdb"), "osiris_filesystem": Driver(family="filesystem")},
    executor=dg.in_process_executor,
)
"""


def own(folder: Path, checkout: Checkout, pipelines: int = PIPELINES) -> list[Case]:
    _make(folder, pipelines, checkout)
    env = {"OSIRIS_HOME": str(folder), "PYTHONPATH": str(folder), "PYTHONWARNINGS": "ignore"}
    load, touch = [checkout.python, "load.py", "osiris_dagster.definitions"], [checkout.python, "touch.py"]
    return [
        Case("osiris", load, env, cwd=str(folder), judged="cpu"),
        Case("changed", load, env, touch, cwd=str(folder), judged="cpu"),
    ]


def bars(folder: Path, pipelines: int = PIPELINES) -> list[Bar]:
    cases = own(folder, HERE, pipelines)
    (folder / "by_hand.py").write_text(_HAND)
    (folder / "count").write_text(str(pipelines))
    (folder / "facts.json").write_text(json.dumps(_facts(folder)))
    hand_case = Case("by hand", [sys.executable, "load.py", "by_hand"], cases[0].env, cwd=str(folder))
    figures = race([hand_case, *cases], rounds=3)
    hand = figures["by hand"]
    return [
        Bar(f"{what}: CPU", figures[name].cpu / hand.cpu, limit, _detail(figures[name], hand, pipelines))
        for what, name, limit in (
            ("location load, nothing changed", "osiris", 1.3),
            ("reload after one changed file", "changed", 1.1),
        )
    ]


def _detail(ours: Figures, hand: Figures, pipelines: int) -> str:
    return (
        f"{ours.cpu:.2f} s against {hand.cpu:.2f} s of CPU, {ours.wall:.1f} s against {hand.wall:.1f} s of wall;"
        f" {pipelines} pipelines of 5 steps"
    )


def _make(folder: Path, pipelines: int, checkout: Checkout) -> None:
    """Write our location; the hand-written one takes its metadata from a manifest of it."""
    for name in ("pipelines", "data"):
        (folder / name).mkdir()
    for name, text in {
        "osiris.yaml": "version: 1\n",
        "osiris_connections.yaml": _CONNECTIONS,
        "load.py": _LOAD,
        "touch.py": _TOUCH,
        "seed.py": _SEED,
        **{f"pipelines/p{n}.yaml": _OML.format(n=n, minute=n % 60) for n in range(pipelines)},
    }.items():
        (folder / name).write_text(text)
    subprocess.run([checkout.python, "seed.py", str(pipelines)], cwd=folder, check=True)
    subprocess.run([checkout.osiris, "compile", "--online", "pipelines"], cwd=folder, check=True, capture_output=True)


def _facts(folder: Path) -> list[dict[str, object]]:
    from osiris_dagster.assets.column_lineage import column_origins
    from osiris_dagster.assets.translator import DagsterOsirisTranslator, StepData
    from osiris_dagster.compiler.store import load_latest

    manifest = load_latest(folder / "build", "p1")
    origins = column_origins(manifest)
    specs = [
        DagsterOsirisTranslator().get_asset_spec(StepData(manifest, step, folder / manifest.file))
        for step in manifest.steps
    ]
    return [
        {
            "id": step.id,
            "need": step.needs[0] if step.needs else "",
            "reads": bool(step.reads),
            "line": step.line,
            "description": spec.description,
            "kinds": sorted(spec.kinds),
            "version": spec.code_version,
            "component": spec.metadata["osiris/component"],
            "manifest": manifest.hash,
            "config": dict(step.config),
            "columns": [[c.name, c.type, origins.get(step.id, {}).get(c.name)] for c in step.columns or ()],
            "lineage": {
                name: [[list(dep.asset_key.path), dep.column_name] for dep in deps]
                for name, deps in spec.metadata["dagster/column_lineage"].deps_by_column.items()
            },
            "connection": step.connection,
        }
        for step, spec in zip(manifest.steps, specs, strict=True)
    ]
