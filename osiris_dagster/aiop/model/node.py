"""What every node of a package has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

Ref = str
"""The id of a node: absolute, or compact with the prefix `r:` or `p:`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Something with an id."""

    KINDS: ClassVar[tuple[str, ...]] = ()
    id: str
