"""The one table between our type names and Arrow types."""

from __future__ import annotations

import pyarrow as pa

from osiris_dagster.columns import Column, Columns, field_text, is_type, split_arguments, split_field

_SIMPLE: dict[str, pa.DataType] = {
    "null": pa.null(),
    "bool": pa.bool_(),
    **{name: getattr(pa, name)() for name in ("int8", "int16", "int32", "int64")},
    **{name: getattr(pa, name)() for name in ("uint8", "uint16", "uint32", "uint64")},
    **{name: getattr(pa, name)() for name in ("float16", "float32", "float64")},
    "string": pa.string(),
    "binary": pa.binary(),
    "date": pa.date32(),
    "interval": pa.month_day_nano_interval(),
}
# Layouts of one logical type: what a reader may hand over beside the plain form above.
_SAME: dict[pa.DataType, str] = {
    pa.large_string(): "string",
    pa.string_view(): "string",
    pa.large_binary(): "binary",
    pa.binary_view(): "binary",
    pa.date64(): "date",
    **{kind: name for name, kind in _SIMPLE.items()},
}


def type_name(kind: pa.DataType) -> str:
    """Return our name of an Arrow type; ValueError for one that we do not carry."""
    if kind in _SAME:
        return _SAME[kind]
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind):
        return _with_unit("timestamptz" if kind.tz else "timestamp", kind.unit)
    if pa.types.is_time(kind):
        return _with_unit("time", kind.unit)
    if pa.types.is_duration(kind):
        return _with_unit("duration", kind.unit)
    if pa.types.is_fixed_size_binary(kind):
        return f"fixed({kind.byte_width})"
    if pa.types.is_dictionary(kind):
        return type_name(kind.value_type)
    return _nested_name(kind)


def _nested_name(kind: pa.DataType) -> str:
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return f"list<{type_name(kind.value_type)}>"
    if pa.types.is_map(kind):
        return f"map<{type_name(kind.key_type)}, {type_name(kind.item_type)}>"
    if pa.types.is_struct(kind):
        return "struct<" + ", ".join(field_text(f.name, type_name(f.type)) for f in kind) + ">"
    if isinstance(kind, pa.BaseExtensionType):
        return type_name(kind.storage_type)
    raise ValueError(f"Arrow type {kind} is not carried")


def _with_unit(name: str, unit: str) -> str:
    return name if unit == "us" else f"{name}[{unit}]"


def arrow_type(name: str) -> pa.DataType:
    """Return the Arrow type of one of our names; ValueError for an unknown one."""
    if not is_type(name):
        raise ValueError(f"{name!r} is not a type name")
    return _arrow_type(name)


def _arrow_type(name: str) -> pa.DataType:
    if name in _SIMPLE:
        return _SIMPLE[name]
    outer, _, rest = name.partition("<")
    if rest:
        return _nested_type(outer, rest.removesuffix(">"))
    base, _, argument = name.replace(" ", "").replace("(", "[").rstrip(")]").partition("[")
    unit = argument or "us"
    match base:
        case "decimal":
            precision, scale = (int(part) for part in argument.split(","))
            return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)
        case "timestamp":
            return pa.timestamp(unit)
        case "timestamptz":
            return pa.timestamp(unit, tz="UTC")
        case "time":
            return pa.time64(unit) if unit in ("us", "ns") else pa.time32(unit)
        case "duration":
            return pa.duration(unit)
    return pa.binary(int(argument))  # fixed(n)


def _nested_type(outer: str, inner: str) -> pa.DataType:
    parts = split_arguments(inner)
    if outer == "struct":
        return pa.struct([(field, _arrow_type(kind)) for field, kind in map(split_field, parts)])
    types = [_arrow_type(part) for part in parts]
    return pa.list_(types[0]) if outer == "list" else pa.map_(types[0], types[1])


def columns_of(schema: pa.Schema) -> Columns:
    """Return the columns of an Arrow schema."""
    return tuple(Column(field.name, type_name(field.type), field.nullable) for field in schema)


def schema_of(columns: Columns) -> pa.Schema:
    """Return the Arrow schema of columns."""
    return pa.schema([pa.field(c.name, arrow_type(c.type), c.nullable) for c in columns])
