"""Names that PostgreSQL takes."""

from __future__ import annotations

from osiris_dagster.errors import DriverError

LONGEST_NAME = 63  # bytes; the server cuts longer names with a mere notice


def check_name(name: str, what: str) -> None:
    """Raise DriverError for a name that the server would cut or refuse."""
    size = len(name.encode())
    if 0 < size <= LONGEST_NAME and "\0" not in name:
        return
    raise DriverError(
        f"PostgreSQL takes no {what} named {name!r}",
        code="DRV070",
        found=f"{size} bytes" if "\0" not in name else "a NUL character",
        expected=f"1 to {LONGEST_NAME} bytes in UTF-8",
        fix=f"choose a shorter name for the {what}" if size else f"name the {what}",
    )
