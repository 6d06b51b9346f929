"""Every key of OML, in one table for each place where keys stand. A new key is a row, and the code that acts on it.

Rules, parser, layout, fixes, upgrade, compiler, checkpoints and the reference page ask these tables each time, and keep
no list of their own. The order of the rows is that in which messages name the keys.
"""

from __future__ import annotations

from collections.abc import Mapping

from osiris_dagster.oml.keys.document import ROWS as DOCUMENT_ROWS
from osiris_dagster.oml.keys.key import Key
from osiris_dagster.oml.keys.step import ROWS as STEP_ROWS

DOCUMENT: Mapping[str, Key] = {key.name: key for key in DOCUMENT_ROWS}
STEP: Mapping[str, Key] = {key.name: key for key in STEP_ROWS}
CONFIG: Mapping[str, Key] = {
    "connection": Key("connection", "The connection, as `@family.alias`. The component declares all others.", line=10)
}
PLACES: Mapping[tuple[str, ...], Mapping[str, Key]] = {
    (): DOCUMENT,
    ("steps", "-"): STEP,
    ("steps", "-", "config"): CONFIG,
}
"""The path to a mapping, with `-` for an item of a list -> the keys that may stand in it."""
