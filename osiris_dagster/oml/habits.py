"""What people write who come from other tools: their word -> the word of OML, or how to say it here. Data only.

Their words for keys of OML stand in the rows of these (`oml/keys/`).
"""

from __future__ import annotations

from collections.abc import Mapping


def _words(table: Mapping[str, str]) -> dict[str, str]:
    return {word: own for own, words in table.items() for word in words.split()}


TOP_ADVICE: Mapping[str, str] = {
    "sources": "`osiris upgrade` turns sources and sinks into steps; each source is a step with mode: read",
    "sinks": "`osiris upgrade` turns sources and sinks into steps; each sink is a step with mode: write",
    "source": "write the source as the first of `steps`, with an extractor and mode: read",
    "target": "write the target as the last of `steps`, with a writer and mode: write",
    "destination": "write the destination as the last of `steps`, with a writer and mode: write",
    "sink": "write the sink as the last of `steps`, with a writer and mode: write",
    "extract": "write it as one of `steps` with an extractor and mode: read",
    "transform": "write it as one of `steps` with duckdb.processor and mode: transform",
    "load": "write it as one of `steps` with a writer and mode: write",
    "streams": "every stream is an extractor step and a writer step in `steps`",
    "models": "every model is a step in `steps` with duckdb.processor and its SQL as `query`",
    "resources": "every resource is an extractor step in `steps`",
    "defaults": "write the options where they are used; values that repeat can be `params`",
    "default_args": "write `owners` at the top, `retry` and `timeout` into the steps",
    "env": "secrets come from osiris_connections.yaml, other values from `params`",
    "connections": "connections stand in osiris_connections.yaml; a step names one as @family.alias",
    "secrets": "secrets stand in the environment and are named in osiris_connections.yaml",
    "imports": "a pipeline is one file; pipelines share tables, not text",
    "apiVersion": "a document begins with oml_version, name and steps",
    "kind": "a document begins with oml_version, name and steps",
    "spec": "move what stands below it to the top of the document",
    "retries": "write retry: {attempts: N} into the steps that need it",
    "start_date": "write partitions: {type: daily, start: ...} if the pipeline works on days",
    "catchup": "partitions are filled by a backfill in Dagster",
    "on": "write `schedule`, as a cron string",
}
"""Top-level keys of other tools that have no single counterpart."""

MODES = _words(
    {
        "read": "extract source input reader extractor fetch pull ingest import",
        "write": "load sink output writer target destination push export loader",
        "transform": "process processor sql transformation model map",
    }
)

OPTIONS = _words(
    {
        "query": "sql statement sql_query select_statement code",
        "path": "file file_path filepath filename file_name location",
        "table": "table_name target_table source_table to_table from_table destination_table relation stream object",
        "write_mode": "mode if_exists write_disposition load_mode disposition materialized update_mode",
        "primary_key": "merge_keys upsert_keys unique_key merge_key pk key_columns primary_keys keys",
        "delimiter": "sep separator field_separator delim field_delimiter",
        "columns": "fields column_names usecols",
        "limit": "nrows max_rows row_limit",
        "schema": "schema_name db_schema target_schema",
        "connection": "conn connection_id conn_id connection_name credentials",
    }
)
"""Options that other tools, and earlier components, call differently; used where the component has the counterpart."""

VALUES: Mapping[str, Mapping[str, str]] = {
    "write_mode": _words(
        {
            "upsert": "merge incremental update insert_or_update upsert_by_key",
            "replace": "truncate overwrite full_refresh full-refresh table create_or_replace drop",
            "append": "insert add append_only",
        }
    ),
    "compression": {"gz": "gzip", "bzip2": "bz2"},
    "encoding": {"utf8": "utf-8", "UTF8": "utf-8", "latin1": "latin-1"},
}
"""Values of options that other tools call differently."""
