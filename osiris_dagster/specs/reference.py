"""A component spec in, its page of the reference out, as paragraphs of Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from osiris_dagster.specs.model import ComponentSpec, oml_mode
from osiris_dagster.specs.schema_faults import describe


def reference(spec: ComponentSpec) -> Iterator[str]:
    """Yield the paragraphs of a component: what it is, its options, what a connection provides, examples."""
    mode = oml_mode(spec.mode)
    yield f"### {spec.name}"
    yield _text(f"{spec.title}. {spec.description}")
    facts = [f"`mode: {mode}`", f"version {spec.version}", f"connection: {spec.connection}"]
    if spec.package:
        facts.append(f"from the package {spec.package}")
    if spec.capabilities:
        facts.append("can do: " + ", ".join(sorted(spec.capabilities)))
    yield " · ".join(facts)
    yield _options_table(spec)
    if spec.connection_fields:
        policies = ", ".join(f"`{name}` ({policy})" for name, policy in spec.connection_fields.items())
        yield f"Provided by the connection, and whether a step may set it as well: {policies}."
    if spec.constraints:
        yield "\n".join(f"- {_text(constraint.error)}" for constraint in spec.constraints)
    for example in spec.examples:
        config = yaml.safe_dump({"config": dict(example.config)}, sort_keys=False, allow_unicode=True).strip()
        yield f"{example.title}:\n\n```yaml\ncomponent: {spec.name}\nmode: {mode}\n{config}\n```"


def _options_table(spec: ComponentSpec) -> str:
    required = spec.config_schema.get("required", ())
    lines = ["| option | value | default | meaning |", "|---|---|---|---|"]
    for name, schema in spec.config_schema["properties"].items():
        default = "required" if name in required else _default(schema)
        cells = (f"`{name}`", describe(schema), default, _text(schema.get("description", "")))
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(lines)


def _text(text: str) -> str:
    return text.replace("<", "&lt;")  # Markdown would take `<step id>` for HTML


def _default(schema: Mapping[str, Any]) -> str:
    return f"`{json.dumps(schema['default'], ensure_ascii=False)}`" if "default" in schema else ""
