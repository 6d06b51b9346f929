"""Every type of MySQL and MariaDB with awkward values: how it is declared and written, and what has to be read."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Case:
    name: str
    declared: str
    read_as: str  # our name of the type
    values: dict[str, Any]  # SQL literal -> value read
    server: str = ""  # mariadb or mysql: only there


def _day(*parts: int) -> dt.datetime:
    return dt.datetime(*parts)  # type: ignore[arg-type]


def _utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[misc,arg-type]


def _exact(*values: str) -> dict[str, Decimal]:
    return {value: Decimal(value) for value in values}


def _whole(*values: int) -> dict[str, int]:
    return {str(value): value for value in values}


_LONGEST = dt.timedelta(hours=838, minutes=59, seconds=59)
_TEXTS = {
    "'NULL'": "NULL",
    "''": "",
    "'\\\\N'": "\\N",
    "'\\\\\\\\'": "\\\\",
    "'é😀\"q\"\\'\\\\ ,;\\t\\r\\n'": 'é😀"q"\'\\ ,;\t\r\n',
    "'nul\\0byte'": "nul\0byte",
    "' '": " ",
}
_LENGTHS = (125, 250, 251, 252, 253, 255, 509, 65_535, 65_536)

CASES = (
    Case("tinyint", "tinyint", "int8", _whole(-128, 127, 0)),
    Case("tinyint unsigned", "tinyint unsigned", "uint8", _whole(255, 0)),
    Case("bool", "bool", "bool", {"1": True, "0": False}),
    Case("smallint", "smallint", "int16", _whole(-32_768, 32_767)),
    Case("smallint unsigned", "smallint unsigned", "uint16", _whole(65_535)),
    Case("mediumint", "mediumint", "int32", _whole(-8_388_608, 8_388_607)),
    Case("mediumint unsigned", "mediumint unsigned", "uint32", _whole(16_777_215)),
    Case("int", "int", "int32", _whole(-(2**31), 2**31 - 1)),
    Case("int unsigned", "int unsigned", "uint32", _whole(2**32 - 1)),
    Case("int zerofill", "int(8) zerofill", "uint32", {"42": 42}),
    Case("bigint", "bigint", "int64", _whole(-(2**63), 2**63 - 1, 2**53 + 1)),
    Case("bigint unsigned", "bigint unsigned", "uint64", _whole(2**64 - 1, 0)),
    Case(
        "decimal(18,6)", "decimal(18,6)", "decimal(18,6)", _exact("-0.000001", "0.5", "999999999999.999999", "-12.034")
    ),
    Case("decimal(18,0)", "decimal(18,0)", "decimal(18,0)", _exact("999999999999999999", "-999999999999999999", "0")),
    Case("decimal(2,2)", "decimal(2,2)", "decimal(2,2)", _exact("0.99", "-0.01")),
    Case(
        "decimal(38,10)",
        "decimal(38,10)",
        "decimal(38,10)",
        _exact("1234567890123456789012345678.0123456789", "-0.0000000001", "-9999999999999999999999999999.9999999999"),
    ),
    Case(
        "decimal(65,30)",
        "decimal(65,30)",
        "decimal(65,30)",
        _exact(
            "12345678901234567890123456789012345.123456789012345678901234567890", "-0.000000000000000000000000000001"
        ),
    ),
    Case("decimal zerofill", "decimal(10,2) unsigned zerofill", "decimal(10,2)", _exact("0.05", "12345678.90")),
    Case("bit(1)", "bit(1)", "bool", {"b'1'": True, "b'0'": False}),
    Case("bit(9)", "bit(9)", "uint64", {"b'100000001'": 257}),
    Case("bit(64)", "bit(64)", "uint64", {"x'8000000000000001'": 2**63 + 1, "b'0'": 0}),
    Case(
        "float",
        "float",
        "float32",
        {v: np.float32(v).item() for v in ("-0.1", "16777216", "16777215", "3.4028e38", "1e-38", "1.5")},
    ),
    Case(
        "double",
        "double",
        "float64",
        {v: float(v) for v in ("0.1", "-1.7976931348623157e308", "2.2250738585072014e-308", "123456789.123456789")},
    ),
    Case(
        "date",
        "date",
        "date",
        {f"'{d}'": dt.date.fromisoformat(d) for d in ("0001-01-01", "1500-02-28", "2024-02-29", "9999-12-31")},
    ),
    Case(
        "datetime",
        "datetime",
        "timestamp",
        {"'1500-02-28 01:02:03'": _day(1500, 2, 28, 1, 2, 3), "'2024-02-29'": _day(2024, 2, 29)},
    ),
    Case("datetime(3)", "datetime(3)", "timestamp", {"'2024-01-01 00:00:00.001'": _day(2024, 1, 1, 0, 0, 0, 1000)}),
    Case(
        "datetime(6)",
        "datetime(6)",
        "timestamp",
        {
            "'9999-12-31 23:59:59.999999'": _day(9999, 12, 31, 23, 59, 59, 999_999),
            "'1969-12-31 23:59:59.000001'": _day(1969, 12, 31, 23, 59, 59, 1),
            "'1900-03-01'": _day(1900, 3, 1),
        },
    ),
    Case(
        "timestamp(6)",
        "timestamp(6) null",
        "timestamptz",
        {"'1970-01-02 00:00:00.000001'": _utc(1970, 1, 2, 0, 0, 0, 1), "'2038-01-18 00:00:00'": _utc(2038, 1, 18)},
    ),
    Case(
        "time", "time", "duration", {"'838:59:59'": _LONGEST, "'-838:59:59'": -_LONGEST, "'00:00:00'": dt.timedelta()}
    ),
    Case(
        "time(6)",
        "time(6)",
        "duration",
        {
            "'25:00:01.000002'": dt.timedelta(hours=25, seconds=1, microseconds=2),
            "'-00:00:00.5'": dt.timedelta(microseconds=-500_000),
            "'-838:59:59.000001'": -_LONGEST - dt.timedelta(microseconds=1),
        },
    ),
    Case("year", "year", "uint16", {"2026": 2026, "1901": 1901, "'0000'": 0}),
    Case("varchar", "varchar(100)", "string", _TEXTS),
    Case("varchar bin", "varchar(100) collate utf8mb4_bin", "string", {"'a'": "a", "''": ""}),
    Case("latin1", "varchar(40) character set latin1", "string", {"'äöü'": "äöü"}),
    Case("char", "char(5)", "string", {"'ab'": "ab", "'é'": "é"}),
    Case(
        "longtext",
        "longtext",
        "string",
        {f"repeat('x',{n})": "x" * n for n in _LENGTHS} | {"repeat('é',125)": "é" * 125},
    ),
    Case("varbinary", "varbinary(20)", "binary", {"x'00ff0a5c'": b"\x00\xff\x0a\x5c", "x''": b"", "x'fb'": b"\xfb"}),
    Case("binary", "binary(4)", "binary", {"x'01'": b"\x01\0\0\0"}),
    Case(
        "longblob",
        "longblob",
        "binary",
        {"x'fbfcfdfeff'": bytes(range(0xFB, 0x100)), "repeat(x'fe',300)": b"\xfe" * 300},
    ),
    Case("json", "json", "string", {'\'{"a": [1, "é"]}\'': '{"a": [1, "é"]}'}),
    Case("enum", "enum('a','b,c','')", "string", {"'b,c'": "b,c", "'a'": "a", "''": ""}),
    Case("set", "set('x','y z','q')", "string", {"'x,q'": "x,q", "''": "", "'y z'": "y z"}),
    Case(
        "uuid",
        "uuid",
        "string",
        {"'123e4567-e89b-12d3-a456-426655440000'": "123e4567-e89b-12d3-a456-426655440000"},
        server="mariadb",
    ),
    Case("inet6", "inet6", "string", {"'::1'": "::1"}, server="mariadb"),
)
