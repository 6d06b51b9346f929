"""The values of parameters, by precedence: defaults < profile < environment < command line."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from osiris_dagster.compiler.blocks import texts_of
from osiris_dagster.compiler.draft import Draft, Inputs
from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.document import Document
from osiris_dagster.oml.model import Pipeline
from osiris_dagster.oml.params import references
from osiris_dagster.oml.scalars import resolve_plain
from osiris_dagster.oml.secrets import holds_known
from osiris_dagster.specs.nearest import did_you_mean
from osiris_dagster.specs.secrets import may_be_secret_name

_KINDS = {bool: "true or false", int: "a whole number", float: "a number", list: "a JSON list", dict: "a JSON object"}
_LONGEST_SHOWN = 80
_NONE: frozenset[str] = frozenset()


def resolve_params(draft: Draft) -> Draft:
    """Give every declared parameter its value; errors for unknown names and values of a wrong type."""
    inputs = draft.inputs
    declared = inputs.pipeline.params
    problems = list(_unknown(inputs))
    values: dict[str, Any] = dict(declared) | dict(inputs.pipeline.profiles.get(inputs.profile, {}))
    for name, text in _given(inputs).items():
        example = _example(inputs.pipeline, name)
        try:
            values[name] = _typed(text, example)
        except (ValueError, RecursionError):
            problems.append(_wrong_type(inputs.document, name, text, example))
    used = used_params(inputs.pipeline)
    if not problems:  # else a value may be missing only because of them
        missing = sorted(name for name in used if values.get(name) is None)
        problems = [_without_value(inputs.document, name) for name in missing]
    return replace(draft, params=values, used_params=used, diagnostics=(*draft.diagnostics, *problems))


def variable(name: str) -> str:
    """Return the environment variable of a parameter; a shell cannot set one with a hyphen.

    >>> variable("min-amount")
    'OSIRIS_PARAM_MIN_AMOUNT'
    """
    return f"OSIRIS_PARAM_{name.upper().replace('-', '_')}"


def used_params(pipeline: Pipeline) -> frozenset[str]:
    """Return the names of the parameters that reach the manifest: through configurations, texts about it, blocks."""
    texts = [pipeline.description, pipeline.metadata.get("intent"), *(step.description for step in pipeline.steps)]
    return _used([*texts, *texts_of(pipeline), *(dict(step.config) for step in pipeline.steps)])


def _used(value: Any) -> frozenset[str]:
    if isinstance(value, str):
        return frozenset(name for _, name in references(value) if name) if "${" in value else _NONE
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return _NONE.union(*map(_used, items)) if items else _NONE


def _given(inputs: Inputs) -> dict[str, str]:
    """Return the texts that the environment and the command line give to declared parameters; empty means unset."""
    declared = inputs.pipeline.params
    from_env = {name: text for name in declared if (text := inputs.env.get(variable(name)))}
    return from_env | {name: text for name, text in inputs.overrides.items() if name in declared}


def secret_params(inputs: Inputs, secrets: Collection[str]) -> tuple[Diagnostic, ...]:
    """Return an error for each parameter that was given a secret of a connection: it would stand in the manifest."""
    return tuple(
        Diagnostic(
            "CMP024",
            f"the value given for parameter {name!r} holds a secret of a connection",
            place=inputs.document.place(("params", name), key=True),
            path=f"params.{name}",
            expected="a value that may be read by everybody: parameters stand in manifests and packages",
            fix="leave the secret to the connection, and name that in the step",
        )
        for name, text in _given(inputs).items()
        if holds_known(text, secrets)
    )


def _example(pipeline: Pipeline, name: str) -> Any:
    """Return a value that shows the type of a parameter: its default, else the first of a profile; None for text."""
    values = (pipeline.params[name], *(profile.get(name) for profile in pipeline.profiles.values()))
    return next((value for value in values if value is not None), None)


def _typed(text: str, example: Any) -> Any:
    """Return text as a value of the type of `example`; ValueError when it is none."""
    if example is None or isinstance(example, str):
        return text
    if isinstance(example, list | dict):
        value = json.loads(text, parse_constant=_refuse)
    else:
        value = resolve_plain(text.strip().lower())
        if type(example) is float and type(value) is int:
            value = float(value)
    if type(value) is not type(example):
        raise ValueError(text)
    return value


def param_text(value: Any) -> str:
    """Return the text that gives a parameter this value on the command line.

    >>> param_text("a b"), param_text(True), param_text(1.5), param_text([1, "x"])
    ('a b', 'true', '1.5', '[1, "x"]')
    """
    return value if isinstance(value, str) else json.dumps(value)


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _unknown(inputs: Inputs) -> Iterator[Diagnostic]:
    pipeline, document = inputs.pipeline, inputs.document
    if inputs.profile and inputs.profile not in pipeline.profiles:
        yield Diagnostic(
            "CMP021",
            f"profile {inputs.profile!r} is not in this pipeline",
            place=document.place(("profiles",), key=True),
            found=inputs.profile[:_LONGEST_SHOWN],
            expected=_one_of(pipeline.profiles, "profile"),
            fix=did_you_mean(inputs.profile, pipeline.profiles) or "declare it under `profiles:`",
        )
    for name in inputs.overrides:
        if name not in pipeline.params:
            yield Diagnostic(
                "CMP020",
                f"parameter {name!r} is not declared in this pipeline",
                place=document.place(("params",), key=True),
                found=name[:_LONGEST_SHOWN],
                expected=_one_of(pipeline.params, "parameter"),
                fix=did_you_mean(name, pipeline.params) or "declare it under `params:`",
            )


def _one_of(names: Iterable[str], kind: str) -> str:
    known = ", ".join(sorted(names))
    return f"one of: {known}" if known else f"no {kind}: none is declared"


def _wrong_type(document: Document, name: str, text: str, example: Any) -> Diagnostic:
    shown = "" if may_be_secret_name(name) else json.dumps(example, ensure_ascii=False)[:_LONGEST_SHOWN]
    return Diagnostic(
        "CMP022",
        f"the value given for parameter {name!r} is not of the type of its default",
        place=document.place(("params", name), key=True),
        path=f"params.{name}",
        found=text[:_LONGEST_SHOWN] if shown else "",
        expected=_KINDS[type(example)] + (f", like {shown}" if shown else ""),
        fix=f"correct --param {name}=... or {variable(name)}, whichever gives it",
    )


def _without_value(document: Document, name: str) -> Diagnostic:
    return Diagnostic(
        "CMP023",
        f"parameter {name!r} has no value",
        place=document.place(("params", name) if ("params", name) in document.marks else ("profiles",), key=True),
        path=f"params.{name}",
        expected="a default, or a value from a profile, the environment or the command line",
        fix=f"pass --param {name}=..., or set {variable(name)}",
    )
