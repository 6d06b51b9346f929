"""Every rule of OML, in the order of their codes. What a rule means is the docstring of its function."""

from __future__ import annotations

from osiris_dagster.oml.rules import (
    component,
    config,
    connection_fields,
    connections,
    constraints,
    document,
    foreign,
    incremental,
    not_yet,
    order,
    params,
    partition_windows,
    partitions,
    pipeline_blocks,
    relationships,
    secrecy,
    step_blocks,
    steps,
    yaml_text,
)
from osiris_dagster.oml.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    # the text
    yaml_text.syntax,
    yaml_text.encoding,
    yaml_text.limits,
    yaml_text.duplicate_key,
    yaml_text.key_not_text,
    yaml_text.tag,
    yaml_text.alias,
    yaml_text.several_documents,
    yaml_text.tab,
    yaml_text.number,
    # the top level
    document.not_a_mapping,
    document.required_key,
    document.value_type,
    document.forbidden_key,
    document.unknown_key,
    document.oml_version,
    document.newer_key,
    document.unusable_name,
    document.naming,
    document.no_steps,
    # a step
    steps.not_a_mapping,
    steps.required_key,
    steps.key_type,
    steps.unknown_key,
    steps.duplicate_id,
    steps.unusable_id,
    component.unknown_component,
    component.unknown_mode,
    component.mode_of_component,
    # the order of steps
    order.needs_list,
    order.unknown_need,
    order.self_need,
    order.repeated_need,
    order.cycle,
    order.writer_input,
    order.extractor_input,
    order.processor_input,
    # its config
    config.unknown_option,
    config.missing_option,
    config.option_type,
    config.option_choice,
    config.option_range,
    config.option_pattern,
    constraints.option_rule,
    constraints.upsert_key,
    config.project_path,
    # its connection
    connections.reference_form,
    connections.reference_family,
    connections.unknown_alias,
    connections.connection_not_taken,
    connections.connection_missing,
    connections.forbidden_override,
    connections.doubtful_override,
    # parameters and placeholders
    params.unknown_parameter,
    params.declaration,
    params.partition_placeholder,
    # secrets
    secrecy.literal,
    secrecy.connection_string,
    # the blocks of OML 0.2
    pipeline_blocks.schedule,
    pipeline_blocks.partitions,
    pipeline_blocks.ownership,
    pipeline_blocks.run_settings,
    step_blocks.step_policy,
    step_blocks.incremental,
    step_blocks.columns,
    step_blocks.checks,
    # what this version does not do yet
    not_yet.harmful,
    not_yet.old_schedule,
    # what comes from elsewhere
    foreign.fence,
    foreign.placeholder,
    foreign.old_table,
    connection_fields.set_by_nobody,
    # secrets that no name of a field gives away
    secrecy.known_secret,
    secrecy.secret_form,
    # the connections that it uses
    connection_fields.unknown_field,
    connection_fields.wrong_value,
    connection_fields.secret_in_clear,
    # incremental reads and what comes after them
    incremental.only_sources,
    incremental.followed,
    # partitions: their windows and keys, and what reads and writes them
    partition_windows.window,
    partition_windows.clock_changes,
    partition_windows.static_keys,
    partitions.replaces_others,
    partitions.idle_column,
    partitions.idle_placeholder,
    partitions.no_increments,
    partitions.same_rows,
    # checks that compare with rows of other steps
    relationships.rows_to_compare_with,
)
