"""Names of pipelines and steps: they become folders, asset keys and table names."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection

_LONGEST = 100


def name_fault(name: str, reserved: Collection[str] = ()) -> str:
    """Return why a name cannot be a folder and a part of an asset key; empty when it can.

    >>> name_fault("orders daily"), name_fault("a/b"), name_fault("..")
    ('', 'it has a slash', 'it names a folder of the system')
    """
    if not name.strip():
        return "it is empty"
    if name != name.strip():
        return "it begins or ends with a space"
    if len(name) > _LONGEST:
        return f"it is longer than {_LONGEST} characters"
    if name in (".", ".."):
        return "it names a folder of the system"
    if "/" in name or "\\" in name:
        return "it has a slash"
    if any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in name):
        return "it has an invisible character"
    return "the product uses it itself" if name in reserved else ""
