"""Turns exceptions of the client library into a DriverError with the server's reason, a code and a way out.

Messages of the server may quote rows (`Duplicate entry '...'`); such values are cut out, names of keys stay.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pymysql

from osiris_dagster.drivers.stopping import StopSign, canceled
from osiris_dagster.errors import DriverError, Retryable


@dataclass(frozen=True, slots=True)
class _Kind:
    code: str
    fix: str
    retryable: Retryable = "permanent"


_DENIED = _Kind("DRV092", "check user and password of the connection, and what the user may do there")
_LOST = _Kind("DRV093", "run the step again; the log of the server may say why", "transient")
_LOCKED = _Kind("DRV094", "run the step again when the other session is done, or raise lock_timeout", "transient")
_UNKNOWN = _Kind("DRV024", "check the name; the connection's database is where names without one are looked up")
_SYNTAX = _Kind("DRV096", "correct the SQL of the step")
_FULL = _Kind("DRV097", "free disk space or memory on the server, then run the step again", "transient")
_BREAKS = _Kind("DRV029", "correct the rows, or the constraint of the table")
_MISFIT = _Kind("DRV034", "convert the column in a step before, or change the type of the table's column")
_UNREACHED = _Kind("DRV091", "check host and port of the connection, and that the server runs", "transient")
_BUSY = _Kind("DRV091", "wait until sessions of the server end, or raise its max_connections", "transient")

_KINDS: dict[int, _Kind] = {
    **dict.fromkeys((1044, 1045, 1095, 1142, 1143, 1227, 1251, 1370, 1410, 1698, 1820, 1862, 4151), _DENIED),
    **dict.fromkeys((1053, 1077, 1079, 1080, 1152, 1153, 1158, 1159, 1160, 1161, 1184, 1927, 2006, 2013, 2055), _LOST),
    **dict.fromkeys((1205, 1206, 1213, 1614, 3058, 3572), _LOCKED),
    **dict.fromkeys((1049, 1051, 1054, 1109, 1146), _UNKNOWN),
    **dict.fromkeys((1060, 1064, 1149, 1052, 1055, 1056, 1111, 1139, 1140, 1222, 1242, 1247, 1305), _SYNTAX),
    **dict.fromkeys((1021, 1037, 1038, 1041, 1114, 1118, 1197, 1206, 3675), _FULL),
    **dict.fromkeys((1022, 1048, 1062, 1169, 1216, 1217, 1451, 1452, 1557, 1586, 1761, 3819, 4025), _BREAKS),
    **dict.fromkeys((1264, 1265, 1292, 1366, 1406, 1411, 1441, 1690, 3140, 4078), _MISFIT),
    **dict.fromkeys((2001, 2002, 2003, 2004, 2005, 1042, 1043, 1129, 1130), _UNREACHED),
    **dict.fromkeys((1040, 1203, 1226), _BUSY),
    1792: _Kind("DRV023", "an extractor only reads; take out what changes data"),
    1290: _Kind("DRV092", "the server is read-only or runs with an option that forbids this"),
    1836: _Kind("DRV092", "the server is read-only: connect to the primary"),
    1317: _Kind("DRV028", "run the step again", "transient"),
    1028: _Kind("DRV028", "run the step again", "transient"),
    1969: _Kind("DRV028", "raise max_statement_time of the server or make the query smaller"),
    3024: _Kind("DRV028", "raise max_execution_time of the server or make the query smaller"),
    3750: _Kind("DRV092", "set sql_require_primary_key to 0 for this user: a staging table has no key"),
    2026: _Kind("DRV095", "check ssl_mode and the certificates of the connection"),
}
_OTHER = _Kind("DRV001", "the message is the server's")
_VALUE = re.compile(
    r"(?P<before>Duplicate entry |(?:Truncated i|I)ncorrect [A-Za-z()]+ value: |value is out of range in )"
    r"'.*?'(?=(?: for | at |$))",
    re.DOTALL,
)


@contextmanager
def named_faults(stop: StopSign, where: str) -> Iterator[None]:
    """Turn what the client library raises into a DriverError that begins with `where`.

    After `cancel` it is always the cancellation.
    """
    try:
        yield
    except (pymysql.Error, OSError, ValueError, AttributeError) as error:
        if stop.event.is_set():
            raise canceled() from error
        # A socket that was closed under pymysql shows as AttributeError or ValueError; others are defects.
        if isinstance(error, ValueError | AttributeError) and not _is_closed(error):
            raise
        raise fault(error, where) from error


def fault(error: Exception, where: str) -> DriverError:
    """Return the DriverError for an exception of pymysql or of the socket."""
    number, text = error_of(error)
    kind = _kind(error, number)
    text = without_values(text)
    return DriverError(
        f"{where}: {text} (MySQL error {number})" if number else f"{where}: {text}",
        code=kind.code,
        found=text,
        fix=kind.fix,
        retryable=kind.retryable,
    )


def error_of(error: BaseException) -> tuple[int, str]:
    """Return the number of the error, 0 for none, and its text."""
    parts = error.args
    if isinstance(error, pymysql.Error) and parts and isinstance(parts[0], int):
        return parts[0], str(parts[1]) if len(parts) > 1 else ""
    if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError):
        return 0, f"a file of the connection cannot be read: {error.strerror}"
    if isinstance(error, TimeoutError):
        return 2013, "the server sent nothing for longer than read_timeout"
    return (
        (2013, f"the connection broke: {error}") if isinstance(error, OSError) or _is_closed(error) else (0, str(error))
    )


def is_passing(error: BaseException) -> bool:
    """Tell whether a connection that did not come about may well do so a moment later."""
    number, text = error_of(error)
    return _KINDS.get(number) is _BUSY or number == 1053 or (number in (2002, 2003) and "refused" in text)


def without_values(text: str) -> str:
    """Return a message of the server without the values of rows that it quotes.

    >>> without_values("Duplicate entry 'ann@example.com' for key 'PRIMARY'")
    "Duplicate entry '...' for key 'PRIMARY'"
    """
    return _VALUE.sub(r"\g<before>'...'", text)


def _kind(error: Exception, number: int) -> _Kind:
    if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError):
        return _Kind("DRV095", "check ssl_ca, ssl_cert, ssl_key and unix_socket of the connection")
    if isinstance(error, ssl.SSLError) or isinstance(getattr(error, "original_exception", None), ssl.SSLError):
        return _KINDS[2026]
    if number == 2003 and "timed out" not in str(error) and "refused" not in str(error):
        return _Kind("DRV091", "check the host of the connection", "transient")
    return _KINDS.get(number, _OTHER)


def _is_closed(error: BaseException) -> bool:
    if isinstance(error, pymysql.err.InterfaceError):
        return True
    text = str(error)
    return "NoneType" in text or "closed file" in text
