"""Rules about what comes from other tools and from earlier versions: Markdown, templates, `input_df`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.document import Path
from osiris_dagster.oml.edits import replace_in_sql
from osiris_dagster.oml.graph import table_names
from osiris_dagster.oml.rules.context import Context, StepText
from osiris_dagster.oml.rules.meaning import replace_placeholder
from osiris_dagster.oml.rules.rule import rule
from osiris_dagster.oml.sql_text import written_uses

_PLACEHOLDER = re.compile(
    r"\$?\{\{(?P<double>[^{}]*)\}\}|\{%[^{}]*%\}|\$\{(?!\s*(?:params|partition)\b)(?P<single>[^{}]*)\}"
)
_EXPRESSION = re.compile(
    r"""\s*(?:(?P<space>[A-Za-z_][\w.]{0,60}?)\s*[.(\[]\s*)?["']?(?P<name>[A-Za-z_][\w-]{0,60})["']?\s*[)\]]?\s*"""
)
_PARAMETERS = frozenset("params param var vars variables inputs input parameters args conf config".split())
_ENVIRONMENT = frozenset("env env_var environ environment secrets secret".split())
_DATES = frozenset("ds execution_date logical_date data_interval_start data_interval_end ds_nodash run_date".split())
_OLD_TABLE = re.compile(r"\binput_df\b(?!\s*\()", re.IGNORECASE)
_OLD_TABLE_DEFINED = re.compile(r"\binput_df\b\s+as\s*\(|\bas\s+input_df\b", re.IGNORECASE)


@rule("OML110", "Markdown round the document", example='oml_version: "0.2.0"')
def fence(context: Context) -> Iterator[Diagnostic]:
    """The file holds the YAML alone.

    Chats and models put code between lines of three backticks. A line that begins with them is no YAML.

    Wrong:
        ```yaml
        oml_version: "0.2.0"
        name: orders
        ```

    Right:
        oml_version: "0.2.0"
        name: orders
        steps:
          - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
    """
    yield from context.yaml_faults("OML110")


@rule("OML111", "A placeholder that nothing fills in", example="${params.day}")
def placeholder(context: Context) -> Iterator[Diagnostic]:
    """OML knows `${params.x}` and `${partition.x}`. Other placeholders stay in the text as they are.

    Templates of other tools (`{{ x }}`, `{% if %}`, `${ctx.x}`, `${env.X}`) have no meaning here. Declare a parameter,
    which the environment can set as `OSIRIS_PARAM_X`; addresses and secrets belong into a connection. In a text it is
    a warning; where the braces break the YAML it is an error.

    Wrong:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: "select '{{ ds }}' as day"}}

    Right:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: "select '2025-01-01' as day"}}
    """
    yield from context.yaml_faults("OML111")
    for step in context.steps:
        for path, text in _texts(step.config, (*step.path, "config")):
            told: set[str] = set()
            for match in _PLACEHOLDER.finditer(text):
                if match[0] in told:
                    continue
                told.add(match[0])
                instead = _instead(context, match["double"] or match["single"] or "")
                new = instead.text
                yield context.at(
                    path,
                    "nothing fills in this placeholder; it stays in the text",
                    severity="warning",
                    found=context.shown(path, match[0]),
                    expected="${params.x}, or ${partition.x} in a document with `partitions`",
                    fix=instead.fix,
                    edits=replace_placeholder(context, path, match[0], new, safe=True) if new else (),
                )


@rule("OML112", "The table `input_df` of earlier versions", severity="warning", example="select * from df_orders")
def old_table(context: Context) -> Iterator[Diagnostic]:
    """The rows of a step are in the table `df_<step id>`; `input_df` was its name when a step had one input.

    Wrong:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
        - {id: more, component: duckdb.processor, mode: transform, config: {query: select * from input_df}}

    Right:
        - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}
        - {id: more, component: duckdb.processor, mode: transform, config: {query: select * from df_rows}}
    """
    for step in context.steps:
        query = step.config.get("query")
        if step.role != "processor" or not isinstance(query, str) or not _OLD_TABLE.search(query):
            continue
        if _OLD_TABLE_DEFINED.search(query) or "input_df" in step.needs:
            continue
        path = (*step.path, "config", "query")
        if not written_uses(_OLD_TABLE, query, query, "duckdb"):
            continue  # a text or a comment that happens to have the word
        inputs = _inputs(step, context)
        table = table_names(inputs[0], context.by_id)[0] if len(inputs) == 1 else ""
        yield context.at(
            path,
            "there is no table `input_df`",
            found="input_df",
            expected=", ".join(table_names(name, context.by_id)[0] for name in inputs) or "df_<step id>",
            fix=f"write {table}" if table else "write df_<step id> of the step that is meant",
            edits=replace_in_sql(context.document, path, _OLD_TABLE, table, dialect="duckdb", safe=True)
            if table
            else (),
        )


class _Instead(NamedTuple):
    """What to do about a placeholder; `text` takes its place where that is certain."""

    fix: str
    text: str = ""


def _instead(context: Context, expression: str) -> _Instead:
    match = _EXPRESSION.fullmatch(expression)
    if expression.strip().startswith(("source(", "source (")):
        return _Instead("add an extractor step for the table and write df_<its id>")
    if match is None:
        return _Instead("OML has no templates: write the value, or declare a parameter and write ${params.name}")
    name, space = match["name"], (match["space"] or "").lower().rpartition(".")[2]
    if space == "ref" and name in context.by_id:
        table = table_names(name, context.by_id)[0]
        return _Instead(f"write {table}", table)
    if space in ("", *_PARAMETERS) and name in context.params:
        return _Instead(f"write ${{params.{name}}}", f"${{params.{name}}}")
    if space in _ENVIRONMENT or (not space and name.isupper()):
        return _Instead(
            "addresses and secrets belong into the connection; another value is a parameter: declare "
            f"`{name.lower()}` under `params` and write ${{params.{name.lower()}}}; OSIRIS_PARAM_{name.upper()} sets it"
        )
    if name in _DATES:
        return _Instead("write ${partition.start} or ${partition.end} in a document with `partitions`")
    if space == "ref":
        return _Instead("add a step for the table and write df_<its id>")
    return _Instead(f"declare `{name}` under `params` and write ${{params.{name}}}")


def _inputs(step: StepText, context: Context) -> tuple[str, ...]:
    return tuple(
        need for need in dict.fromkeys(step.needs) if need in context.by_id and context.by_id[need].role != "writer"
    )


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield path and text of everything in a config that could hold a placeholder."""
    if isinstance(value, str):
        if "${" in value or "{{" in value or "{%" in value:
            yield path, value
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(item, (*path, key))
