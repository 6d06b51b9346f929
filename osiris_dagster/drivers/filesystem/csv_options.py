"""The options of a CSV step, frozen; what a schema cannot say is checked here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from osiris_dagster.drivers.batches import arrow_type_of
from osiris_dagster.errors import DriverError

# Names that data-frame users write in `dtype`.
_ALIASES = {
    "str": "string",
    "object": "string",
    "category": "string",
    "int": "int64",
    "Int8": "int8",
    "Int16": "int16",
    "Int32": "int32",
    "Int64": "int64",
    "UInt8": "uint8",
    "UInt16": "uint16",
    "UInt32": "uint32",
    "UInt64": "uint64",
    "float": "float64",
    "Float32": "float32",
    "Float64": "float64",
    "boolean": "bool",
    "datetime64[ns]": "timestamp",
}


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read a CSV file."""

    delimiter: str
    encoding: str
    header: int | None  # number of the record with the names, counted from 0; None without one
    columns: tuple[str, ...]  # empty: all
    skip_rows: int
    limit: int | None
    parse_dates: bool | tuple[str, ...]
    dtype: Mapping[str, pa.DataType]
    na_values: tuple[str, ...]
    skip_blank_lines: bool
    comment: str
    compression: str


def read_options(config: Mapping[str, Any]) -> ReadOptions:
    """Return the options of a `filesystem.csv_extractor`; DriverError for a type name that is none."""
    header, dates = config["header"], config["parse_dates"]
    dtype = config.get("dtype") or {}
    return ReadOptions(
        delimiter=_delimiter(config["delimiter"]),
        encoding=config["encoding"],
        header=_header_index(header),
        columns=tuple(config.get("columns") or ()),
        skip_rows=config["skip_rows"],
        limit=config.get("limit"),
        parse_dates=dates if isinstance(dates, bool) else tuple(dates),
        dtype={name: csv_type(_ALIASES.get(kind, kind), name) for name, kind in dtype.items()},
        na_values=tuple(config.get("na_values") or ()),
        skip_blank_lines=config["skip_blank_lines"],
        comment=config.get("comment") or "",
        compression=config["compression"],
    )


def _header_index(header: Any) -> int | None:
    if isinstance(header, bool):
        return 0 if header else None
    return int(header)


def csv_type(name: str, column: str) -> pa.DataType:
    """Return the type of a column of a CSV file; DriverError naming the column for one that it cannot hold."""
    kind = arrow_type_of(name, column)
    if (
        pa.types.is_nested(kind)
        or pa.types.is_duration(kind)
        or pa.types.is_interval(kind)
        or pa.types.is_null(kind)
        or (pa.types.is_decimal(kind) and kind.scale < 0)
    ):
        raise DriverError(
            f"column {column!r}: a CSV file cannot hold the type {name}",
            code="DRV011",
            found=name,
            expected="text, a number, a date, a time, a timestamp, bool or binary",
            fix="read it as string and convert it in a step after",
        )
    return kind


def _delimiter(text: str) -> str:
    if len(text) != 1 or not text.isascii() or text in '"\r\n\0':
        raise DriverError(
            "the delimiter is not usable",
            code="DRV022",
            found=repr(text),
            expected="one ASCII character other than a quote or a line end",
            fix='use e.g. "," or ";" or "\\t"',
        )
    return text


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How to write a CSV file."""

    delimiter: str
    header: bool
    encoding: str
    newline: str  # the characters themselves
    quoting: str  # minimal, all or nonnumeric
    append: bool
    compression: str
    read_back: ReadOptions = field(repr=False)  # how to read the header of a file that is appended to


def write_options(config: Mapping[str, Any]) -> WriteOptions:
    """Return the options of a `filesystem.csv_writer`."""
    delimiter = _delimiter(config["delimiter"])
    return WriteOptions(
        delimiter=delimiter,
        header=config["header"],
        encoding=config["encoding"],
        newline="\r\n" if config["newline"] == "crlf" else "\n",
        quoting=config["quoting"],
        append=config["write_mode"] == "append",
        compression=config["compression"],
        read_back=ReadOptions(
            delimiter=delimiter,
            encoding=config["encoding"],
            header=0,
            columns=(),
            skip_rows=0,
            limit=None,
            parse_dates=False,
            dtype={},
            na_values=(),
            skip_blank_lines=True,
            comment="",
            compression=config["compression"],
        ),
    )
