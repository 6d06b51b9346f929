"""Parameters: their values by precedence (defaults < profile < environment < command line), and their substitution.

`${params.x}` keeps its type when it is a whole scalar and becomes text inside a longer string.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from osiris_dagster.compiler.draft import Draft, Inputs
from osiris_dagster.errors import CompileError, Diagnostic, Place

REFERENCE = re.compile(r"\$\{params\.([A-Za-z_][A-Za-z0-9_]*)\}")
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
            fix=_nearest(inputs.profile, pipeline.profiles) or "declare it under `profiles:`",
        )
    for name in inputs.overrides:
        if name not in pipeline.params:
            yield Diagnostic(
                "CMP020",
                f"parameter {name!r} is not declared in this pipeline",
                place=place,
                expected=f"one of: {', '.join(sorted(pipeline.params)) or 'none is declared'}",
                fix=_nearest(name, pipeline.params) or "declare it under `params:`",
            )


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    near = get_close_matches(name, known, 1)
    return f"did you mean {near[0]!r}?" if near else ""


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


def substituted(value: Any, params: Mapping[str, Any]) -> Any:
    """Return `value` with every parameter reference replaced; names are known to be declared."""
    if isinstance(value, str):
        whole = REFERENCE.fullmatch(value)
        if whole:
            return params[whole[1]]
        return REFERENCE.sub(lambda match: _text(params[match[1]]), value)
    if isinstance(value, Mapping):
        return {key: substituted(item, params) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [substituted(item, params) for item in value]
    return value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def used_params(value: Any) -> frozenset[str]:
    """Return the names of the parameters that a value refers to."""
    if isinstance(value, str):
        return frozenset(REFERENCE.findall(value))
    if isinstance(value, Mapping):
        return frozenset[str]().union(*(used_params(item) for item in value.values()))
    if isinstance(value, list | tuple):
        return frozenset[str]().union(*(used_params(item) for item in value))
    return frozenset()
