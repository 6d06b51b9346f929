"""The keys of a document: the rows of its table."""

from __future__ import annotations

from osiris_dagster.oml.keys.key import CRON, DATE, DURATION, MAPPING, STRING, TEXT, Key, lasting, one_of, texts
from osiris_dagster.oml.model import Execution, Freshness, Partitions, Schedule

_TIMEZONE = Key("timezone", "The time zone, by its name; UTC when left out.", shape=TEXT)

_SCHEDULE = (
    Key("cron", "Five fields: minute, hour, day of month, month, day of week.", shape=TEXT, reading=CRON),
    _TIMEZONE,
    Key("on", "`update`: when another pipeline has written what this one reads.", shape=one_of("update")),
)
_PARTITIONS = (
    Key("type", "How the data are cut.", shape=one_of("hourly daily weekly monthly static"), required=True),
    Key("start", "Where the first partition begins.", shape=TEXT, reading=DATE),
    Key("end", "Where the last one ends.", shape=TEXT, reading=DATE),
    _TIMEZONE,
    Key("column", "The column that tells partitions apart, for writers that replace.", shape=TEXT),
    Key("keys", "Of static partitions: their keys.", shape=texts(minItems=1, uniqueItems=True)),
)
_FRESHNESS = (Key("max_lag", "The longest time since a write.", shape=DURATION, required=True, reading=lasting("26h")),)
_EXECUTION = (
    Key("isolation", "`step` gives each step a process of its own.", shape=one_of("pipeline step")),
    Key(
        "target", "Where steps run.", shape=one_of("local e2b"),
        not_yet="the steps would run on this machine",
    ),
    Key(
        "checkpoint", "How long rows between steps are kept.", shape=one_of("auto always never"),
        read_by="assets.surroundings",
    ),
)  # fmt: skip

ROWS = (
    Key(
        "oml_version", "The rules that the document follows.", 'oml_version: "0.1.0"',
        line=10, required=True,
        words="schema_version spec_version", formerly="version omlVersion", read_by="compiler.compile",
    ),
    Key(
        "name", "The name under which runs, assets and packages appear.", "name: orders-daily",
        line=20, required=True, kind=STRING,
        words="id title pipeline_name pipeline_id dag_id dataset_name project job_name", read_by="compiler.compile",
    ),
    Key(
        "steps", "What the pipeline does.", "steps: [...]",
        line=900, required=True, kind=(list, "a list of steps"),
        words="tasks jobs stages nodes transformations activities pipeline flow", read_by="compiler.plan",
    ),
    Key(
        "description", "What the pipeline is, for people.", "description: Orders of each customer.",
        line=30, kind=STRING,
        words="desc doc docs summary", read_by="assets.factory",
    ),
    Key(
        "metadata", "Notes of your own; `intent` says in the package what the pipeline is for.",
        "metadata: {intent: Tell sales who bought what.}",
        line=60, kind=MAPPING,
        words="meta annotations", read_by="compiler.compile",
    ),
    Key(
        "params", "Names and defaults of what `${params.x}` stands for.", "params: {min_amount: {default: 10}}",
        line=110, fits=dict,
        words="parameters vars variables inputs arguments", read_by="compiler.params",
    ),
    Key(
        "profiles", "Other values of the parameters, under a name that `--profile` chooses.",
        "profiles: {prod: {params: {min_amount: 20}}}",
        line=120, fits=dict,
        words="environments envs", read_by="compiler.params",
    ),
    Key(
        "schedule", "When the pipeline starts by itself; a text is `cron` in UTC.",
        'schedule: {cron: "15 3 * * *", timezone: Europe/Prague}',
        line=70, meant_since="0.2.0",
        rule="OML090", shape=TEXT, keys=_SCHEDULE, reading=CRON,
        words="schedule_interval cron trigger triggers timetable", block=Schedule, manifest="schedule",
        read_by="assets.automation assets.triggers",
    ),
    Key(
        "owners", "Who answers for it: e-mail addresses, or `team:name`.", "owners: [data@example.com]",
        line=40, since="0.2.0",
        rule="OML092", shape=texts(uniqueItems=True), fits=list,
        words="owner maintainers contacts", read_by="assets.translator",
    ),
    Key(
        "tags", "Short texts under short names, on every asset.", "tags: {domain: sales}",
        line=50, since="0.2.0",
        rule="OML092", shape={"type": "object", "additionalProperties": {"type": "string"}}, fits=dict,
        words="labels", read_by="assets.translator",
    ),
    Key(
        "partitions", "How the data are cut into parts that runs work on.",
        'partitions: {type: daily, start: "2025-01-01", column: day}',
        line=80, since="0.2.0",
        rule="OML091", keys=_PARTITIONS,
        words="partition partitions_def", block=Partitions, manifest="partitions",
        read_by="assets.partitions compiler.partitioning",
    ),
    Key(
        "freshness", "How old the data may be before the UI shows them as stale.", "freshness: {max_lag: 26h}",
        line=90, since="0.2.0",
        rule="OML093", keys=_FRESHNESS, block=Freshness, manifest="freshness", read_by="assets.automation",
    ),
    Key(
        "concurrency", "The pool of which one run goes at a time.", "concurrency: warehouse",
        line=100, since="0.2.0",
        rule="OML093", shape={"type": "string", "pattern": r"^\S{1,100}$", "examples": ["warehouse"]},
        words="max_active_runs pool", manifest="concurrency", read_by="assets.automation",
    ),
    Key(
        "execution", "Where and how the steps run.", "execution: {isolation: step, checkpoint: auto}",
        line=105, since="0.2.0",
        rule="OML093", keys=_EXECUTION, block=Execution, read_by="assets.factory",
    ),
)  # fmt: skip
