"""The values of parameters, by precedence: defaults < profile < environment < command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from osiris_dagster.compiler.draft import Draft, Inputs
from osiris_dagster.errors import CompileError, Diagnostic, Place
from osiris_dagster.oml.params import references
from osiris_dagster.specs.nearest import did_you_mean

_TRUE = {"true": True, "false": False}


def resolve_params(draft: Draft) -> Draft:
    """Give every declared parameter its value; CompileError for unknown names, profiles and values of a wrong type."""
    inputs = draft.inputs
    declared = inputs.pipeline.params
    problems = list(_unknown(inputs))
    values: dict[str, Any] = dict(declared) | dict(inputs.pipeline.profiles.get(inputs.profile, {}))
    given = {
        name: inputs.env[f"OSIRIS_PARAM_{name.upper()}"]
        for name in declared
        if inputs.env.get(f"OSIRIS_PARAM_{name.upper()}")
    }
    for name, text in (given | dict(inputs.overrides)).items():
        if name in declared:
            try:
                values[name] = _typed(text, declared[name])
            except ValueError:
                problems.append(_wrong_type(inputs, name, declared[name]))
    problems += [_without_value(inputs, name) for name in sorted(_used(inputs)) if values.get(name) is None]
    if problems:
        raise CompileError("parameters are wrong", diagnostics=problems)
    return replace(draft, params=values)


def _unknown(inputs: Inputs) -> Iterator[Diagnostic]:
    pipeline = inputs.pipeline
    place = Place(pipeline.file)
    if inputs.profile and inputs.profile not in pipeline.profiles:
        yield Diagnostic(
            "CMP021",
            f"profile {inputs.profile!r} is not in this pipeline",
            place=place,
            expected=f"one of: {', '.join(sorted(pipeline.profiles)) or 'none is declared'}",
            fix=did_you_mean(inputs.profile, pipeline.profiles) or "declare it under `profiles:`",
        )
    for name in inputs.overrides:
        if name not in pipeline.params:
            yield Diagnostic(
                "CMP020",
                f"parameter {name!r} is not declared in this pipeline",
                place=place,
                expected=f"one of: {', '.join(sorted(pipeline.params)) or 'none is declared'}",
                fix=did_you_mean(name, pipeline.params) or "declare it under `params:`",
            )


def _used(inputs: Inputs) -> frozenset[str]:
    return used_params([dict(step.config) for step in inputs.pipeline.steps])


def _without_value(inputs: Inputs, name: str) -> Diagnostic:
    return Diagnostic(
        "CMP023",
        f"parameter {name!r} has no value",
        place=Place(inputs.pipeline.file),
        expected="a default, or a value from a profile, the environment or the command line",
        fix=f"pass --param {name}=..., or set OSIRIS_PARAM_{name.upper()}",
    )


def _wrong_type(inputs: Inputs, name: str, default: Any) -> Diagnostic:
    return Diagnostic(
        "CMP022",
        f"the value given for parameter {name!r} is not of the type of its default",
        place=Place(inputs.pipeline.file),
        expected=f"{type(default).__name__}, like the default",
        fix=f"pass --param {name}={default}",
    )


def _typed(text: str, default: Any) -> Any:
    """Return text as the type of the default; ValueError when it is not one."""
    if isinstance(default, bool):
        if text.lower() not in _TRUE:
            raise ValueError(text)
        return _TRUE[text.lower()]
    if isinstance(default, int | float):
        return type(default)(text)
    return text


def used_params(value: Any) -> frozenset[str]:
    """Return the names of the parameters that a value refers to."""
    if isinstance(value, str):
        return frozenset(name for _, name in references(value) if name)
    if isinstance(value, Mapping):
        return frozenset[str]().union(*(used_params(item) for item in value.values()))
    if isinstance(value, list | tuple):
        return frozenset[str]().union(*(used_params(item) for item in value))
    return frozenset()
