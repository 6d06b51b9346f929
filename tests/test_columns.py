"""The grammar of type names, and Arrow types under those names."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osiris_dagster.arrow import arrow_type, columns_of, schema_of, type_name
from osiris_dagster.codec import from_json, to_json
from osiris_dagster.columns import TYPES, Column, is_type, split_arguments
from tests.sampling import examples

UNITS = ["s", "ms", "us", "ns"]
SIMPLE = [arrow_type(name) for name in sorted(TYPES)]
FIELD_NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.text('a",:<>()[] ', max_size=5)
PLAIN = (
    st.sampled_from(SIMPLE)
    | st.builds(pa.timestamp, st.sampled_from(UNITS), st.sampled_from([None, "UTC"]))
    | st.builds(pa.duration, st.sampled_from(UNITS))
    | st.sampled_from([pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")])
    | st.integers(1, 38).flatmap(lambda p: st.builds(pa.decimal128, st.just(p), st.integers(-3, p)))
    | st.integers(39, 76).map(lambda p: pa.decimal256(p, 2))
    | st.integers(1, 64).map(pa.binary)
)
ARROW = st.recursive(
    PLAIN,
    lambda inner: (
        st.builds(pa.list_, inner)
        | st.builds(pa.map_, inner.filter(lambda kind: kind != pa.null()), inner)
        | st.lists(st.tuples(FIELD_NAMES, inner), min_size=1, max_size=3).map(pa.struct)
    ),
    max_leaves=5,
)


@pytest.mark.matrix
@settings(deadline=None, max_examples=examples(200))
@given(ARROW)
def test_an_arrow_type_has_a_name_that_gives_it_back(kind):
    name = type_name(kind)
    assert is_type(name)
    assert arrow_type(name) == kind


@settings(deadline=None)
@given(st.lists(st.builds(Column, FIELD_NAMES, ARROW.map(type_name), st.booleans()), max_size=4).map(tuple))
def test_columns_come_back_from_arrow_and_from_json(columns):
    assert columns_of(schema_of(columns)) == columns
    assert from_json(tuple[Column, ...], to_json(columns)) == columns


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (pa.large_string(), "string"),
        (pa.string_view(), "string"),
        (pa.large_binary(), "binary"),
        (pa.binary_view(), "binary"),
        (pa.date64(), "date"),
        (pa.dictionary(pa.int8(), pa.string()), "string"),
        (pa.large_list(pa.int8()), "list<int8>"),
        (pa.list_(pa.int8(), 3), "list<int8>"),
        (pa.decimal32(5, 2), "decimal(5,2)"),
        (pa.decimal64(15, 2), "decimal(15,2)"),
        (pa.timestamp("us", "Europe/Prague"), "timestamptz"),
        (pa.timestamp("ns"), "timestamp[ns]"),
        (pa.uuid(), "fixed(16)"),
        (
            pa.struct([("a, b", pa.int8()), ('"', pa.int8()), ("", pa.int8())]),
            'struct<"a, b": int8, """": int8, "": int8>',
        ),
    ],
    ids=str,
)
def test_a_layout_has_the_name_of_its_logical_type(kind, name):
    assert type_name(kind) == name


@pytest.mark.parametrize(
    "kind", [pa.sparse_union([pa.field("a", pa.int8())]), pa.run_end_encoded(pa.int32(), pa.int8())], ids=str
)
def test_a_type_that_is_not_carried_is_refused(kind):
    with pytest.raises(ValueError, match="not carried"):
        type_name(kind)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "integer",
        "INT64",
        "decimal",
        "decimal(0,0)",
        "decimal(77,0)",
        "decimal(a,b)",
        "fixed()",
        "fixed(9999999999)",
        "timestamp[m]",
        "date[s]",
        "list<>",
        "list<int64",
        "list<int64, int64>",
        "list<nope>",
        "map<int64>",
        "struct<a>",
        "struct<a: nope>",
        'struct<"a: int64>',
        "int64>",
        "<int64>",
    ],
)
def test_what_is_no_type_name_is_refused_by_both_readers(name):
    assert not is_type(name)
    with pytest.raises(ValueError, match="is not a type name"):
        arrow_type(name)


@pytest.mark.parametrize(
    "name", ["decimal( 12 , 2 )", "list< int64 >", "struct<a:int64,b : string>", "timestamp [ms]", "map<int8,date>"]
)
def test_spaces_do_not_matter(name):
    assert is_type(name)
    assert type_name(arrow_type(name)) == type_name(arrow_type(name.replace(" ", "")))


def test_arguments_are_split_at_the_outer_commas_only():
    assert split_arguments('a: map<int8, date>, "b, <c": decimal(1,2), d') == [
        "a: map<int8, date>",
        '"b, <c": decimal(1,2)',
        "d",
    ]
    assert split_arguments("") == [""]
