"""What both readers of SQL share: how they name a table, how a condition is read, and why SQL is refused."""

from __future__ import annotations

from typing import Literal

TablePath = tuple[str, ...]
"""The dotted name of a table: (database,) (schema,) table."""
CONDITION_TABLE = "osiris_rows"
CONDITION_HEAD = f"select * from {CONDITION_TABLE} where (\n"
"""A condition is read as the statement that it makes behind this, closed by a line break and a bracket."""
Kind = Literal["not_read_only", "acts", "not_understood", "hidden"]


class SqlRefusedError(Exception):
    """SQL that is refused; offset and length count characters, the offset is None when no place is known.

    `harmless` is SQL that is merely not understood: it ends where its text does, and leaves no brackets around it.
    """

    def __init__(
        self, kind: Kind, message: str, *, offset: int | None = None, length: int = 1, found: str = "", fix: str = ""
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.offset = offset
        self.length = length
        self.found = found
        self.fix = fix
        self.harmless = False


_READ_ONLY = "leave one SELECT that only reads; what is written, a writer step writes"


def not_one_select(found: str, offset: int | None = None, length: int = 1) -> SqlRefusedError:
    """Return the fault of a text that is another statement, or not one."""
    message = "it is not one SELECT statement"
    return SqlRefusedError("not_read_only", message, offset=offset, length=length, found=found, fix=_READ_ONLY)


def not_read_only(found: str, offset: int | None = None, length: int = 1) -> SqlRefusedError:
    """Return the fault of a SELECT with something in it that writes or locks."""
    message = "it does more than read rows"
    return SqlRefusedError("not_read_only", message, offset=offset, length=length, found=found, fix=_READ_ONLY)


def not_a_condition() -> SqlRefusedError:
    """Return the fault of a text that closes the brackets it is put in."""
    fix = "leave one condition on the rows"
    return SqlRefusedError("not_read_only", "it is not one condition", found="more than a condition", fix=fix)


def acting(function: str, offset: int | None) -> SqlRefusedError:
    """Return the fault of a function that may not be called."""
    return SqlRefusedError(
        "acts",
        f"the function {function} does more than compute a value from rows",
        offset=offset,
        length=len(function),
        found=function,
        fix=f"leave {function} out",
    )
