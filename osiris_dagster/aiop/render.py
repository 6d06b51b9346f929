"""The files of a package beside its core, all made from the same model: name -> bytes."""

from __future__ import annotations

from osiris_dagster.aiop.build import Built
from osiris_dagster.aiop.facts import Facts
from osiris_dagster.aiop.place import CARD, CORE
from osiris_dagster.aiop.runcard import run_card


def render(built: Built, settled: Facts, folder: str) -> dict[str, bytes]:
    """Return the files of a package that will lie in `folder`; `settled` are the uncut facts it was built from."""
    return {
        CORE: built.core,
        CARD: run_card(built.package, folder).encode(),
    }
