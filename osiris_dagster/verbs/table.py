"""VERBS: everything that may be asked, in one table. Command line, chat and MCP read it; code loads on first use.

So `osiris --version` and the help load neither the project's settings nor what reads them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Literal, cast

from osiris_dagster.verbs.outcome import Outcome

Kind = Literal["text", "flag", "integer", "pairs", "choice"]


@dataclass(frozen=True, slots=True)
class Option:
    """One option or argument of a verb; `name` is the keyword that its function takes."""

    name: str
    help: str
    kind: Kind = "text"
    choices: tuple[str, ...] = ()
    default: str | int | None = None
    argument: bool = False  # positional
    many: bool = False
    required: bool = False


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: its words on the command line, one sentence of help, and `module:function` to call."""

    name: str
    help: str
    target: str
    options: tuple[Option, ...] = ()

    def load(self) -> Callable[..., Outcome]:
        """Import the verb's code: a function of an `Asked` and of the options by name."""
        module, _, function = self.target.partition(":")
        return cast("Callable[..., Outcome]", getattr(import_module(module), function))


_FILES = Option("files", "OML files, or folders of them.", argument=True, many=True, required=True)
_RUN = Option("run", "Run id, or its first characters; the last run when left out.", argument=True)
_COMPILING = (
    Option("profile", "Profile of the OML file."),
    Option("param", "Parameter, as name=value; may be given again.", kind="pairs", many=True),
    Option("mode", "What to do about advisory rules.", kind="choice", choices=("strict", "warn", "off")),
    Option("no_validate", "The same as --mode off.", kind="flag"),
)
_WHICH = (Option("session", "The same as RUN."), Option("last", "The last run (the default).", kind="flag"))
_OUTPUT = Option("output", "Write to this file instead of standard output.")
_PACKAGE = (
    Option(
        "policy", "Without annex, with it, or as osiris.yaml says.", kind="choice", choices=("core", "full", "custom")
    ),
    Option("max_core_bytes", "Largest core document, 50000 to 300000.", kind="integer"),
    Option("annex_dir", "Folder of annexes, below the project."),
    Option("timeline_density", "Events in the core.", kind="choice", choices=("low", "medium", "high")),
    Option("metrics_topk", "Steps whose metrics the core shows.", kind="integer"),
    Option("schema_mode", "With or without columns in the core.", kind="choice", choices=("summary", "detailed")),
    Option("compress", "Of the annex.", kind="choice", choices=("none", "gzip", "zstd")),
)

_WEBSERVER = (
    Option("url", "Address of the webserver, else OSIRIS_WEBSERVER, else http://127.0.0.1:3000."),
    Option("location", "Code location, else osiris_dagster.definitions, else the only one."),
)

VERBS: tuple[Verb, ...] = (
    Verb(
        "init",
        "Make a project: folders, an example pipeline and its data.",
        "osiris_dagster.verbs.init:init",
        (Option("folder", "Where; the working directory when left out.", argument=True, default="."),),
    ),
    Verb(
        "validate",
        "Check OML files without running or connecting to anything.",
        "osiris_dagster.verbs.validate:validate_files",
        (_FILES, Option("fix", "Make the safe fixes in the files first.", kind="flag"), *_COMPILING[2:]),
    ),
    Verb(
        "compile",
        "Turn OML files into manifests below build/.",
        "osiris_dagster.verbs.compile:compile_files",
        (
            _FILES,
            Option("out", "Folder for the manifests instead of build/."),
            Option("online", "Read the sources' schemas and lock them in <name>.schema.json.", kind="flag"),
            *_COMPILING,
        ),
    ),
    Verb(
        "run",
        "Run an OML file here and now; Dagster records it.",
        "osiris_dagster.verbs.run:run_file",
        (
            Option("file", "OML file; with --retry it may be left out.", argument=True),
            Option("select", "Run this step only; may be given again.", many=True),
            Option("retry", "Go on with this run (an id, its first characters, or `last`) where it failed."),
            Option("full_refresh", "Read incremental steps from the start and replace what is there.", kind="flag"),
            Option("partition", "Run this partition of a partitioned pipeline."),
            Option("partition_range", "Run the partitions FIRST...LAST, in one run."),
            Option("each", "Of a range, run each partition by itself.", kind="flag"),
            Option("wait", "Seconds to wait for another run of the pipeline's pool; 600.", kind="integer"),
            Option("no_aiop", "Do not export a package afterwards.", kind="flag"),
            *_COMPILING,
        ),
    ),
    Verb(
        "fmt",
        "Lay OML files out in the canonical way; comments and meaning stay.",
        "osiris_dagster.verbs.fmt:format_files",
        (
            Option("files", "OML files, or folders of them.", argument=True, many=True, required=True),
            Option("check", "Write nothing; exit with 1 when a file is not in canonical layout.", kind="flag"),
        ),
    ),
    Verb(
        "upgrade",
        "Bring OML files of older shapes to the newest version; shows the difference.",
        "osiris_dagster.verbs.upgrade:upgrade_files",
        (_FILES, Option("write", "Write the files, too.", kind="flag")),
    ),
    Verb(
        "reload",
        "Let a running Dagster webserver load new and changed files.",
        "osiris_dagster.verbs.reload:reload",
        _WEBSERVER,
    ),
    Verb(
        "watch",
        "Watch the project's files, and reload the webserver whenever one changes.",
        "osiris_dagster.verbs.watch:watch",
        _WEBSERVER,
    ),
    Verb("components list", "List the components that steps can use.", "osiris_dagster.verbs.components:list_all"),
    Verb(
        "components spec",
        "Show what a component accepts.",
        "osiris_dagster.verbs.components:show",
        (
            Option("name", "Component, e.g. duckdb.processor.", argument=True, required=True),
            Option("format", "Form of the spec.", kind="choice", choices=("yaml", "json", "markdown"), default="yaml"),
        ),
    ),
    Verb(
        "components lint",
        "Check component specs, of the catalogue or your own.",
        "osiris_dagster.verbs.components:lint",
        (Option("name", "Component, spec file or folder; all of the catalogue when left out.", argument=True),),
    ),
    Verb("connections list", "List the project's connections.", "osiris_dagster.verbs.connections:list_all"),
    Verb(
        "connections doctor",
        "Ask connections whether they answer, and say what to do where one does not.",
        "osiris_dagster.verbs.connections:doctor",
        (
            Option("references", "@family.alias; every connection when left out.", argument=True, many=True),
            Option("timeout", "Seconds to wait for each.", kind="integer", default=5),
        ),
    ),
    Verb(
        "discover",
        "Show what a connection holds, or lock what an OML file reads.",
        "osiris_dagster.verbs.discover:discover_tables",
        (
            Option("connection", "@family.alias.", argument=True),
            Option("table", "Only what this pattern means, with its columns; e.g. orders, sales.*, *.csv."),
            Option("refresh", "Ask again even if an answer was kept.", kind="flag"),
            Option("lock", "OML file whose sources are read and locked in <name>.schema.json."),
            *_COMPILING,
        ),
    ),
    Verb(
        "runs list",
        "List runs, the latest first.",
        "osiris_dagster.verbs.runs:list_runs",
        (
            Option("limit", "How many.", kind="integer", default=20),
            Option("pipeline", "Only runs of this pipeline."),
        ),
    ),
    Verb("runs view", "Show how a run went, step by step.", "osiris_dagster.verbs.runs:view", (_RUN,)),
    Verb("logs show", "Show what happened in a run, in order of time.", "osiris_dagster.verbs.logs:show", (_RUN,)),
    Verb(
        "logs bundle",
        "Show all about a run as one plain text, to paste into a chat.",
        "osiris_dagster.verbs.aiop:bundle",
        (
            _RUN,
            *_WHICH,
            _OUTPUT,
            Option("compress", "Of the file.", kind="choice", choices=("none", "gzip"), default="none"),
        ),
    ),
    Verb(
        "logs aiop list",
        "List packages, the newest run first.",
        "osiris_dagster.verbs.aiop:list_packages",
        (
            Option("pipeline", "Only packages of this pipeline."),
            Option("limit", "How many.", kind="integer", default=20),
        ),
    ),
    Verb(
        "logs aiop show",
        "Show the AI Operation Package of a run; build it when it is not there.",
        "osiris_dagster.verbs.aiop:show",
        (
            _RUN,
            *_WHICH,
            Option(
                "format",
                "Which form of the package.",
                kind="choice",
                choices=("json", "md", "brief", "bundle", "openlineage", "ro-crate"),
                default="json",
            ),
            _OUTPUT,
            *_PACKAGE,
        ),
    ),
    Verb(
        "logs aiop export",
        "Build the package of a run anew, in its place or in another folder.",
        "osiris_dagster.verbs.aiop:export",
        (_RUN, *_WHICH, Option("output", "Folder of packages instead of aiop/."), *_PACKAGE),
    ),
    Verb(
        "logs aiop verify",
        "Check that nothing of a package changed since it was sealed.",
        "osiris_dagster.verbs.aiop:verify",
        (_RUN, *_WHICH, Option("folder", "A package anywhere, instead of that of a run.")),
    ),
    Verb(
        "logs aiop prune",
        "Remove old packages; the newest valid one of each pipeline always stays.",
        "osiris_dagster.verbs.aiop:prune",
        (
            Option("keep_runs", "Packages of each pipeline to keep.", kind="integer"),
            Option("keep_days", "Days before the pipeline's newest run to keep.", kind="integer"),
            Option("pipeline", "Only packages of this pipeline."),
            Option("dry_run", "Only say what would go.", kind="flag"),
        ),
    ),
)
