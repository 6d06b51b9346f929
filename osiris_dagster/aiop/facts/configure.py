"""Options of packages: from the command line, else OSIRIS_AIOP_*, else `aiop:` in osiris.yaml, else the default."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_args, get_type_hints

from osiris_dagster.aiop.facts.options import MAX_CORE_BYTES, MIN_CORE_BYTES, SHARDS, Options
from osiris_dagster.errors import ConfigError
from osiris_dagster.project import MARKER, Project
from osiris_dagster.settings import project_options

PREFIX = "OSIRIS_AIOP_"
_RANGES = {"max_core_bytes": (MIN_CORE_BYTES, MAX_CORE_BYTES), "metrics_topk": (0, 10_000)}
_ANY_COUNT = (0, 1_000_000)
_NAMES = tuple(item.name for item in fields(Options) if item.name != "sources")
_WORDS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


def load_options(
    project: Project, given: Mapping[str, Any] | None = None, env: Mapping[str, str] = os.environ
) -> Options:
    """Return the options in force; `given` are those of the command line, None and empty text meaning not given.

    Raises ConfigError for a name that does not exist or a value that is not allowed, telling where it was set.
    """
    layers = {
        "file": _from_file(project),
        "env": {name: env[PREFIX + name.upper()] for name in _NAMES if env.get(PREFIX + name.upper())},
        "cli": {name: value for name, value in (given or {}).items() if value not in (None, "", ())},
    }
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, layer in layers.items():
        for name, value in layer.items():
            values[name] = _checked(name, value, source)
            sources[name] = source
    if values.get("annex_dir"):
        project.inside(values["annex_dir"])
    return Options(**values, sources=sources)


def _from_file(project: Project) -> dict[str, Any]:
    own = project_options(project, "aiop") or {}
    for name in own:
        if name not in _NAMES:
            raise _wrong(str(name), name, f"one of {', '.join(_NAMES)}", "file")
    return dict(own)


def _checked(name: str, value: Any, source: str) -> Any:
    """Return a value as its option holds it."""
    hint = get_type_hints(Options)[name]
    if hint is bool:
        found = value if isinstance(value, bool) else _WORDS.get(str(value).lower())
        if found is None:
            raise _wrong(name, value, "true or false", source)
        return found
    if hint is int:
        return _number(name, value, source)
    if name == "shards":
        names = tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else tuple(value or ())
        if not set(names) <= set(SHARDS):
            raise _wrong(name, value, f"some of {', '.join(SHARDS)}", source)
        return names
    choices = get_args(hint)
    if (choices and value not in choices) or not isinstance(value, str):
        raise _wrong(name, value, f"one of {', '.join(choices)}" if choices else "text", source)
    return value


def _number(name: str, value: Any, source: str) -> int:
    low, high = _RANGES.get(name, _ANY_COUNT)
    text = str(value)
    number = int(text) if text.isascii() and text.isdigit() and not isinstance(value, bool) else -1
    if not low <= number <= high:
        raise _wrong(name, value, f"a whole number from {low:,} to {high:,}", source)
    return number


def _wrong(name: str, value: Any, expected: str, source: str) -> ConfigError:
    where = {
        "file": f"`aiop.{name}` in {MARKER}",
        "env": f"the variable {PREFIX}{name.upper()}",
        "cli": f"--{name.replace('_', '-')}",
    }
    return ConfigError(
        f"{where[source]} is not an option of packages" if name == value else f"{where[source]} is not allowed",
        code="AIO031",
        found=str(value)[:200],
        expected=expected,
        fix=f"correct {where[source]}",
    )
