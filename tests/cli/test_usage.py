"""Help, versions and mistakes on the command line."""

from __future__ import annotations

import pytest

from osiris_dagster import __version__
from osiris_dagster.verbs.table import VERBS


def test_the_version_is_told(osiris):
    assert osiris("--version").out == f"osiris-dagster {__version__}\n"


def test_help_lists_every_verb_with_a_sentence(osiris):
    groups = {
        name: osiris(*name.split(), "--help").out
        for name in ("", "components", "connections", "runs", "logs", "logs aiop")
    }
    for verb in VERBS:
        group, _, own = verb.name.rpartition(" ")
        assert f"  {own}  " in groups[group].replace("\n", "  \n")
        assert verb.help.endswith(".")


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_help_of_a_verb_explains_every_option(osiris, verb):
    said = osiris(*verb.name.split(), "--help").out
    assert verb.help in said
    for option in verb.options:
        shown = option.name.upper() if option.argument else f"--{option.name.replace('_', '-')}"
        assert shown in said
    for common in ("--project", "--connections", "--secrets-file", "--json"):
        assert common in said


@pytest.mark.parametrize("arguments", [(), ("runs",), ("logs",)])
def test_without_a_verb_the_help_goes_to_standard_error(osiris, arguments):
    result = osiris(*arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("Usage: osiris")
    assert "Traceback" not in result.err


def test_a_mistake_is_told_with_the_help_of_its_verb(osiris):
    result = osiris("runs", "list", "--limt", "3")
    assert (result.code, result.out) == (2, "")
    assert "--limit" in result.err
    assert "see `osiris runs list --help`" in result.err


def test_json_is_an_object_even_where_there_is_no_verb(osiris):
    for arguments in (("--json",), ("runs", "--json"), ("nope", "--json")):
        result = osiris(*arguments)
        assert (result.code, result.codes) == (2, ["CLI001"])
