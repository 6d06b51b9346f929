"""Connection references: the text of `config.connection` in, family and alias out, and the connection it means."""

from __future__ import annotations

import re
from typing import NamedTuple

from osiris_dagster.oml.model import ConnectionFacts

_REFERENCE = re.compile(r"@(?P<family>[A-Za-z0-9_-]+)(?:\.(?P<alias>[A-Za-z0-9_-]+))?")


class Reference(NamedTuple):
    """`@family.alias`; an empty alias stands for the family's default."""

    family: str
    alias: str


def parse_reference(text: str) -> Reference | None:
    """Return the parts of a connection reference, None for text of another form.

    >>> parse_reference("@mysql.shop"), parse_reference("@mysql"), parse_reference("mysql.shop")
    (Reference(family='mysql', alias='shop'), Reference(family='mysql', alias=''), None)
    """
    match = _REFERENCE.fullmatch(text)
    return Reference(match["family"], match["alias"] or "") if match else None


def find_connection(reference: Reference, facts: tuple[ConnectionFacts, ...]) -> ConnectionFacts | None:
    """Return the connection that a reference means: its alias, else the family's default or the alias `default`."""
    own = [fact for fact in facts if fact.family == reference.family]
    if reference.alias:
        return next((fact for fact in own if fact.alias == reference.alias), None)
    marked = next((fact for fact in own if fact.default), None)
    return marked or next((fact for fact in own if fact.alias == "default"), None)
