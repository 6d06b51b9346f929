"""MySQL for the shared planner: its types by the names of its catalogue, and what a type of Arrow becomes there.

>>> DIALECT.lattice.wider("int", "tinyint(1)"), DIALECT.lattice.wider("tinyint(1)", "int unsigned")
('int', 'int unsigned')
>>> DIALECT.lattice.wider("bigint", "double"), DIALECT.lattice.wider("decimal(5,2)", "bigint")
(None, 'decimal(21,2)')
>>> DIALECT.keeps("varchar(20)", "longtext"), DIALECT.keeps("int", "longtext")
(True, False)
"""

from __future__ import annotations

import re

import pyarrow as pa

from osiris_dagster.drivers.mysql.names import check_name
from osiris_dagster.drivers.tables.dialect import Dialect, Lattice

TEXT, BYTES = "longtext", "longblob"
KEY_TEXT, KEY_BYTES = "varchar(255)", "varbinary(255)"
"""What text and bytes become in a key, which has to have a bound. Longer values are refused."""
NOTHING = "varchar(1)"  # of a column without any value
MOST_DIGITS, MOST_SCALE = 65, 30
_BITS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}
_TEXTS = re.compile(r"(?:var)?char\(|(?:tiny|medium|long)?text$|enum\(|set\(|json$|uuid$|inet[46]$")
_BYTES = re.compile(r"(?:var)?binary\(|(?:tiny|medium|long)?blob$")
_MOMENTS = re.compile(r"timestamp")
_WIDTH = re.compile(r"(?P<name>tinyint|smallint|mediumint|int|bigint|year|float|double)\(\d+(?:,\d+)?\)")


def _keeps(table: str, rows: str) -> bool:
    if rows in (TEXT, KEY_TEXT, NOTHING):
        return is_text(table)
    if rows in (BYTES, KEY_BYTES) or rows.startswith("binary("):
        return is_bytes(table)
    return rows.startswith("datetime") and _MOMENTS.match(table) is not None


def is_text(kind: str) -> bool:
    """Tell whether a type of the catalogue holds text."""
    return _TEXTS.match(kind) is not None


def is_bytes(kind: str) -> bool:
    """Tell whether a type of the catalogue holds bytes."""
    return _BYTES.match(kind) is not None


WHOLE = {
    "tinyint(1)": (0, 1),
    **{name: (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for name, bits in _BITS.items()},
    **{f"{name} unsigned": (0, 2**bits - 1) for name, bits in _BITS.items()},
}
DIALECT = Dialect(
    name="MySQL",
    lattice=Lattice(
        whole=WHOLE,
        floats={"float": 24, "double": 53},
        chains=(
            ("date", "datetime", "datetime(3)", "datetime(6)"),
            ("timestamp", "timestamp(3)", "timestamp(6)"),
            ("time", "time(3)", "time(6)"),
            ("float", "double"),
        ),
        decimal="decimal({},{})",
        most_digits=MOST_DIGITS,
        nothing=NOTHING,
    ),
    folds=True,
    keeps=_keeps,
    check_name=check_name,
)


def catalogue_type(text: str) -> str:
    """Return the type of the catalogue without what changes between servers and holds no value.

    >>> [catalogue_type(text) for text in ("int(11)", "bigint(20) unsigned zerofill", "tinyint(1)", "enum('A','b')")]
    ['int', 'bigint unsigned', 'tinyint(1)', "enum('A','b')"]
    """
    if text == "tinyint(1)" or text.lower().startswith(("enum", "set")):
        return text
    plain = _WIDTH.sub(r"\g<name>", text.lower()).replace(" zerofill", "")
    return plain.replace(" unsigned", "") if plain.startswith(("decimal", "float", "double")) else plain


def column_type(kind: pa.DataType, *, key: bool) -> str | None:
    """Return the type that holds every value of an Arrow type; None without one. Values may have to be checked."""
    found = _PLAIN.get(kind)
    if found is not None:
        return {TEXT: KEY_TEXT, BYTES: KEY_BYTES}.get(found, found) if key else found
    if pa.types.is_decimal(kind):
        digits, scale = kind.precision - min(kind.scale, 0), max(kind.scale, 0)
        return f"decimal({max(digits, scale)},{scale})" if digits <= MOST_DIGITS and scale <= MOST_SCALE else None
    if pa.types.is_timestamp(kind):
        return "datetime" + _FRACTIONS[kind.unit]
    if pa.types.is_time(kind) or pa.types.is_duration(kind):
        return "time" + _FRACTIONS[kind.unit]
    if pa.types.is_fixed_size_binary(kind):
        return f"binary({kind.byte_width})" if 0 < kind.byte_width <= 255 else KEY_BYTES if key else BYTES
    return None


_FRACTIONS = {"s": "", "ms": "(3)", "us": "(6)", "ns": "(6)"}
_PLAIN: dict[pa.DataType, str] = {
    pa.null(): NOTHING,
    pa.bool_(): "tinyint(1)",
    **{getattr(pa, f"int{bits}")(): name for name, bits in _BITS.items() if bits != 24},
    **{getattr(pa, f"uint{bits}")(): f"{name} unsigned" for name, bits in _BITS.items() if bits != 24},
    pa.float16(): "float",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.string(): TEXT,
    pa.binary(): BYTES,
    pa.date32(): "date",
}
