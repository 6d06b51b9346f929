"""A folder of spec files in, everything wrong with them out: what `load` needs and what it does not look at."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, SchemaError
from jsonschema.protocols import Validator

from osiris_dagster.errors import Diagnostic, OmlError, Place
from osiris_dagster.specs.model import ComponentSpec, Package
from osiris_dagster.specs.nearest import did_you_mean
from osiris_dagster.specs.read import META_SCHEMA, components_folder, place_name, read_spec_file, spec_from
from osiris_dagster.specs.schema import schema_validator
from osiris_dagster.specs.schema_faults import SchemaFault, choices, schema_faults
from osiris_dagster.specs.secrets import secret_fields, unescaped
from osiris_dagster.sql.dialects import known_dialects

Fault = tuple[str, str, tuple[str | int, ...], str, str]  # code, message, path in the file, expected, fix


def lint_spec(file: Path, package: Package | None = None) -> tuple[Diagnostic, ...]:
    """Return what is wrong with one spec file, of a package where it is not of the product."""
    name = place_name(file, package)
    try:
        contents = read_spec_file(file, package)
        faults = list(_shape(contents))
        if not faults:
            spec = spec_from(contents, name)
            faults = [fault for check in CHECKS for fault in check(spec, contents, file)]
    except OmlError as error:
        return error.diagnostics
    try:
        root = yaml.compose(file.read_text("utf-8"), Loader=yaml.SafeLoader)
    except RecursionError:
        root = None  # what is nested that deeply has no place that a person would look for
    return tuple(
        Diagnostic(code, message, place=_place(root, path, name), path=_dotted(path), expected=expected, fix=fix)
        for code, message, path, expected, fix in faults
    )


# Keys of the first Osiris's specs that nothing enforced -> where what they wanted is said now.
_NOT_TAKEN = {
    "limits": "a bound of the source belongs into the driver; a bound of one pipeline is `timeout` or a check in OML",
    "redaction": "every secret is masked the same way; name the fields in `secrets`",
    "loggingPolicy": "the runner counts rows, bytes, time and memory of every step",
    "compatibility": "what a driver needs is a dependency of its package",
    "x-secret": "name the fields in `secrets`",
}


def _shape(contents: Mapping[str, Any]) -> Iterator[Fault]:
    for fault in schema_faults(_meta_validator(), contents):
        known = _NOT_TAKEN.get(str(fault.path[0])) if len(fault.path) == 1 and fault.kind == "unknown" else None
        fix = f"remove it: {known}" if known else fault.fix
        yield "SPC002", fault.message, fault.path, fault.expected, fix


@cache
def _meta_validator() -> Validator:
    return schema_validator(json.loads((components_folder() / META_SCHEMA).read_text("utf-8")))


def _folder_name(spec: ComponentSpec, _contents: Mapping[str, Any], file: Path) -> Iterator[Fault]:
    if spec.name != file.parent.name:
        yield "SPC003", f"the folder is called {file.parent.name}", ("name",), spec.name, "rename the folder"


def _config_schema(spec: ComponentSpec, _contents: Mapping[str, Any], _file: Path) -> Iterator[Fault]:
    try:
        Draft202012Validator.check_schema(spec.config_schema)
    except SchemaError as error:
        where = ("configSchema", *error.absolute_path)
        yield "SPC004", f"it is no JSON Schema: {error.message}", where, "JSON Schema 2020-12", "correct the schema"
    for required in spec.config_schema.get("required", ()):
        yield from _must_be_field(spec, required, ("configSchema", "required"), "required")


def _examples(spec: ComponentSpec, _contents: Mapping[str, Any], _file: Path) -> Iterator[Fault]:
    validator = schema_validator(spec.config_schema)
    for index, example in enumerate(spec.examples):
        config = {key: value for key, value in example.config.items() if key != "connection"}
        connected = "connection" in example.config
        if spec.connection == ("none" if connected else "required"):
            message, wanted = "the example does not fit `connection`", f"connection: {spec.connection}"
            yield "SPC005", message, ("examples", index, "config"), wanted, "correct the example"
        for fault in schema_faults(validator, config):
            if not (connected and _provided(spec, fault)):
                yield "SPC005", fault.message, ("examples", index, "config", *fault.path), fault.expected, fault.fix


def _provided(spec: ComponentSpec, fault: SchemaFault) -> bool:
    provided = {*spec.connection_fields, *secret_fields(spec)}
    return fault.kind == "missing" and len(fault.path) == 1 and fault.path[0] in provided


def _secrets(spec: ComponentSpec, _contents: Mapping[str, Any], _file: Path) -> Iterator[Fault]:
    """A pointer leads to a field of the config, or to one that the connection provides."""
    for index, pointer in enumerate(spec.secrets):
        first, *rest = (unescaped(part) for part in pointer.split("/")[1:])
        if not (_leads(_fields(spec)[first], rest) if first in _fields(spec) else spec.connection != "none"):
            message = f"the pointer {pointer} leads to no field"
            yield "SPC006", message, ("secrets", index), "a field of the config or connection", "correct the pointer"


def _leads(schema: Mapping[str, Any], parts: list[str]) -> bool:
    """Tell whether a value of the schema can have something at the path `parts`."""
    for part in parts:
        properties = schema.get("properties", {})
        if part not in properties:
            return schema.get("type") == "object" and schema.get("additionalProperties", True) is not False
        schema = properties[part]
    return True


def _fields_named(spec: ComponentSpec, contents: Mapping[str, Any], _file: Path) -> Iterator[Fault]:
    """Dataset rule, SQL rule and constraints speak about fields that exist."""
    for key in ("path", "table", "schema", "query"):
        field = contents.get("x-dataset", {}).get(key)
        if field:
            yield from _must_be_field(spec, field, ("x-dataset", key), "x-dataset")
    if spec.sql:
        for key, fields in (("statements", spec.sql.statements), ("conditions", spec.sql.conditions)):
            for index, field in enumerate(fields):
                yield from _must_be_field(spec, field, ("x-sql", key, index), "x-sql")
    for index, constraint in enumerate(spec.constraints):
        for part, named in (("when", constraint.when), ("must", constraint.must)):
            for field in named:
                yield from _must_be_field(spec, field, ("constraints", index, part, field), "constraints")


def _dataset(spec: ComponentSpec, _contents: Mapping[str, Any], _file: Path) -> Iterator[Fault]:
    rule = spec.dataset
    if rule is not None and not (rule.path if rule.kind == "file" else rule.table or rule.query):
        wanted = "path" if rule.kind == "file" else "table or query"
        yield "SPC007", f"a {rule.kind} needs `{wanted}`", ("x-dataset",), wanted, f"add `{wanted}`"


def _inspector(spec: ComponentSpec, _contents: Mapping[str, Any], _file: Path) -> Iterator[Fault]:
    if bool(spec.inspector) != ("discover" in spec.capabilities):
        message = "the capability `discover` and an inspector go together"
        yield "SPC002", message, ("x-runtime",), "both or neither", "add `x-runtime.inspector`, or `discover: true`"


def _sql(spec: ComponentSpec, _contents: Mapping[str, Any], _file: Path) -> Iterator[Fault]:
    """SQL that nothing checks would be a hole in a source that is only to be read."""
    if spec.sql and spec.sql.dialect not in known_dialects():
        message = f"sqlglot knows no dialect `{spec.sql.dialect}`"
        fix = did_you_mean(spec.sql.dialect, sorted(known_dialects())) or "name the dialect that is nearest to it"
        yield "SPC002", message, ("x-sql", "dialect"), "a dialect of sqlglot, such as postgres", fix
    query = spec.dataset.query if spec.dataset else ""
    if query and not (spec.sql and query in spec.sql.statements):
        message = f"`{query}` holds SQL that `x-sql` does not name"
        yield "SPC008", message, ("x-dataset", "query"), f"x-sql: {{statements: [{query}]}}", "add `x-sql`"


def _must_be_field(spec: ComponentSpec, field: str, where: tuple[str | int, ...], what: str) -> Iterator[Fault]:
    if field not in _fields(spec):
        known = choices(sorted(_fields(spec)))
        yield "SPC007", f"`{what}` names `{field}`, which the configSchema does not have", where, known, "correct it"


def _fields(spec: ComponentSpec) -> Mapping[str, Any]:
    fields: Mapping[str, Any] = spec.config_schema["properties"]
    return fields


def _capabilities(spec: ComponentSpec, _contents: Mapping[str, Any], _file: Path) -> Iterator[Fault]:
    """What is asked for at run time has to be declared; that `discover` names an inspector is said by the schema."""
    if (spec.mode == "transform") != ("customTransforms" in spec.capabilities):
        message = "a component that transforms has the capability customTransforms, and no other has it"
        yield "SPC010", message, ("capabilities",), "customTransforms with modes: [transform]", "correct one of the two"


def _hints(spec: ComponentSpec, contents: Mapping[str, Any], _file: Path) -> Iterator[Fault]:
    """Another name for an option leads to that option only."""
    taken: dict[str, str] = {}
    for option, aliases in contents.get("llmHints", {}).get("inputAliases", {}).items():
        where = ("llmHints", "inputAliases", option)
        yield from _must_be_field(spec, option, where, "inputAliases")
        for alias in aliases:
            if alias in _fields(spec) or alias in taken:
                other = "an option itself" if alias in _fields(spec) else f"another name for `{taken[alias]}`"
                yield "SPC012", f"`{alias}` is {other}", where, "a name that means one option", f"remove `{alias}`"
            taken.setdefault(alias, option)


Check = Callable[[ComponentSpec, Mapping[str, Any], Path], Iterator[Fault]]
CHECKS: tuple[Check, ...] = (
    _folder_name,
    _capabilities,
    _hints,
    _config_schema,
    _examples,
    _secrets,
    _fields_named,
    _dataset,
    _inspector,
    _sql,
)


def _place(root: yaml.Node | None, path: tuple[str | int, ...], name: str) -> Place:
    """Return where the path stands in the file, or the nearest thing above it."""
    place = Place(name)
    node = root
    for part in path:
        node = _child(node, part)
        if node is None:
            return place
        place = replace(place, line=node.start_mark.line + 1, column=node.start_mark.column + 1)
    return place


def _child(node: yaml.Node | None, part: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part]  # type: ignore[no-any-return]  # the stubs leave the items open
    return None


def _dotted(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
