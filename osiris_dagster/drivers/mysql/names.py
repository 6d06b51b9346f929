"""Names as MySQL writes them, and which it takes."""

from __future__ import annotations

from functools import partial

from osiris_dagster.errors import DriverError
from osiris_dagster.sql import quoting

LONGEST_NAME = 64  # characters
quoted = partial(quoting.quoted, mark=quoting.BACKTICK)
listed = partial(quoting.listed, mark=quoting.BACKTICK)


def check_name(name: str, what: str) -> None:
    """Raise DriverError for a name that MySQL does not take: it would cut none, but say less."""
    if 0 < len(name) <= LONGEST_NAME and "\0" not in name and not name.endswith(" ") and max(name) <= "\uffff":
        return
    raise DriverError(
        f"MySQL takes no {what} named {name!r}",
        code="DRV100",
        found=f"{len(name)} characters",
        expected=f"1 to {LONGEST_NAME} characters of the basic plane of Unicode, and no space at the end",
        fix=f"choose another name for the {what}",
    )
