"""From click's values to a verb call: the project, the settings, and the verb's own options."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, cast, get_args

from osiris_dagster.cli.screen import Screen
from osiris_dagster.errors import ConfigError
from osiris_dagster.oml.validate import Mode
from osiris_dagster.project import find_project
from osiris_dagster.settings import Settings
from osiris_dagster.verbs.asked import Asked, WrongUsageError
from osiris_dagster.verbs.outcome import Outcome
from osiris_dagster.verbs.table import Verb


def ask(verb: Verb, given: Mapping[str, Any], screen: Screen) -> Outcome:
    """Call a verb with what the command line and the environment say."""
    own = {option.name for option in verb.options} - {"profile", "param", "mode", "no_validate"}
    settings = Settings(
        mode=_mode(given),
        profile=str(given.get("profile") or os.environ.get("OSIRIS_PROFILE", "")),
        params=_pairs(given.get("param") or ()),
        connections_file=str(given.get("connections") or ""),
        secrets_file=str(given.get("secrets_file") or ""),
    )
    asked = Asked(find_project(str(given.get("project") or "")), settings, screen.say)
    return verb.load()(asked, **{name: value for name, value in given.items() if name in own and value is not None})


def _mode(given: Mapping[str, Any]) -> Mode:
    if given.get("no_validate"):
        return "off"
    named = str(given.get("mode") or os.environ.get("OSIRIS_VALIDATION") or "warn")
    if named in get_args(Mode):
        return cast("Mode", named)
    raise ConfigError(
        "OSIRIS_VALIDATION is not a validation mode",
        code="CFG041",
        found=named,
        expected="strict, warn or off",
        fix="set OSIRIS_VALIDATION to one of them, or unset it",
    )


def _pairs(texts: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, found, value = text.partition("=")
        if not found or not name:
            raise WrongUsageError("--param wants name=value", found=text, fix="write for example --param min_amount=10")
        pairs[name] = value
    return pairs
