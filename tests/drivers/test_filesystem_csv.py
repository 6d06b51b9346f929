"""CSV files: each option, the types that are found, text cut at any byte, and files that are not well made."""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import io
import lzma
import random
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from osiris_dagster.columns import Column
from osiris_dagster.drivers.filesystem import csv_decode
from osiris_dagster.errors import ConfigError, DriverError
from osiris_dagster.testing.workbench import Workbench
from tests.sampling import sampled

READER, WRITER = "filesystem.csv_extractor", "filesystem.csv_writer"


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path)


def read(bench: Workbench, text: str | bytes, name: str = "rows.csv", **options: Any) -> pa.Table:
    parts = {key: options.pop(key) for key in ("columns_known",) if key in options}
    (bench.root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    known = {"columns": parts["columns_known"]} if parts else {}
    return bench.read(READER, {"path": name, **options}, **known)


def types(table: pa.Table) -> dict[str, str]:
    return {field.name: str(field.type) for field in table.schema}


def zipped(**files: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return target.getvalue()


# -- types -----------------------------------------------------------------------------------------------------------

FOUND: Mapping[str, tuple[list[str], str]] = {
    "whole numbers": (["1", "-2", "0", ""], "int64"),
    "the ends of int64": (["9223372036854775807", "-9223372036854775808"], "int64"),
    "beyond int64": (["9223372036854775808", "1"], "string"),
    "numbers in spaces": ([" 1", "2 "], "int64"),
    "fractions": (["1.5", "-0.25", "1e-3", "7"], "double"),
    "fractions as float64 prints them": (["50.285714285714285", "0.14285714285714285", "-0.1"], "double"),
    "not a number and infinity": (["1.5", "NaN", "inf", "-inf"], "double"),
    "a fraction beside a whole number that float64 changes": (["9007199254740993", "0.5"], "string"),
    "more digits than float64 prints": (["1.234567890123456789", "1"], "string"),
    "zeros at the end are no digits": (["1.5000000000000000000", "1"], "double"),
    "a fraction beyond float64": (["1e400", "1"], "string"),
    "codes with zeros in front": (["00123", "90210"], "string"),
    "codes of nothing but zeros": (["00", "11"], "string"),
    "zeros": (["0", "0"], "int64"),
    "codes with zeros in front of a point": (["00.5", "1.5"], "string"),
    "negative codes": (["-012", "5"], "string"),
    "a plus in front": (["+420", "5"], "string"),
    "hexadecimal": (["0x1F", "0x20"], "string"),
    "thousands": (["1,000", "2,000"], "string"),
    "underscores": (["1_000", "2"], "string"),
    "true and false": (["true", "False", "TRUE", ""], "bool"),
    "yes and no": (["yes", "no"], "string"),
    "ones and zeros": (["1", "0"], "int64"),
    "text and numbers": (["1", "x"], "string"),
    "a number after text": (["x", "1"], "string"),
    "nothing": (["", ""], "string"),
    "dates": (["2020-01-31", "0001-01-01", "9999-12-31", ""], "date32[day]"),
    "an impossible date": (["2020-02-30", "2020-01-01"], "string"),
    "timestamps": (["2020-01-31 10:00", "2020-01-31T10:00:00.123456"], "timestamp[us]"),
    "dates and timestamps": (["2020-01-31", "2020-01-31 10:00:00"], "timestamp[us]"),
    "nanoseconds": (["2020-01-31 10:00:00.123456789"], "timestamp[ns]"),
    "instants": (["2020-01-31T10:00:00Z", "2020-01-31 10:00:00+02:00"], "timestamp[us, tz=UTC]"),
    "instants and wall clocks": (["2020-01-31T10:00:00Z", "2020-01-31 10:00:00"], "string"),
    "dates and numbers": (["2020-01-31", "5"], "string"),
}


@pytest.mark.parametrize("case", FOUND)
def test_the_type_of_a_column_comes_from_all_of_its_values(bench: Workbench, case: str) -> None:
    values, expected = FOUND[case]
    text = "v,w\n" + "".join(f'"{value}",1\n' if "," in value else f"{value},1\n" for value in values)
    assert types(read(bench, text, parse_dates=True))["v"] == expected


@pytest.mark.parametrize("case", FOUND)
def test_the_type_of_a_column_does_not_depend_on_where_the_file_is_cut(
    bench: Workbench, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_decode, "CHUNK", 16)
    values, expected = FOUND[case]
    text = "v,w\n" + "".join(f'"{value}",1\n' if "," in value else f"{value},1\n" for value in values)
    assert types(read(bench, text, parse_dates=True))["v"] == expected


def test_one_value_at_the_end_of_a_large_file_decides(bench: Workbench) -> None:
    text = "a,b\n" + "".join(f"{number},{number}\n" for number in range(300_000)) + "n/a,1\n"
    found = read(bench, text)
    assert types(found) == {"a": "string", "b": "int64"}
    assert found["a"][-1].as_py() == "n/a"
    assert found["a"][7].as_py() == "7"


def test_dtype_decides_without_a_look(bench: Workbench) -> None:
    kinds = {
        "a": "decimal(6,2)",
        "b": "str",
        "c": "Int64",
        "d": "float",
        "e": "timestamp[ms]",
        "f": "time",
        "g": "date",
    }
    found = read(bench, "a,b,c,d,e,f,g\n1.5,007,7,1,2020-01-01,10:00,2020-01-01\n", dtype=kinds)
    assert [str(field.type) for field in found.schema] == [
        "decimal128(6, 2)",
        "string",
        "int64",
        "double",
        "timestamp[ms]",
        "time64[us]",
        "date32[day]",
    ]


@pytest.mark.parametrize("kind", ["integr", "decimal(", "list<int64>", "duration", "null", "decimal(80,2)"])
def test_a_dtype_that_is_none_is_named_with_its_column(bench: Workbench, kind: str) -> None:
    with pytest.raises(DriverError, match="'a'") as caught:
        read(bench, "a\n1\n", dtype={"a": kind})
    assert caught.value.first.code == "DRV011"


@pytest.mark.parametrize(
    ("kind", "value"),
    [("int64", "x"), ("int8", "128"), ("decimal(4,2)", "1.234"), ("date", "31.1.2020"), ("bool", "2"), ("uint8", "-1")],
)
def test_a_value_that_does_not_fit_is_named_by_row_and_column(bench: Workbench, kind: str, value: str) -> None:
    text = "id,v\n" + "1,\n" * 90_000 + f"2,{value}\n"
    with pytest.raises(DriverError, match=r"rows\.csv, row 90001, column 'v'") as caught:
        read(bench, text, dtype={"id": "int64", "v": kind})
    assert caught.value.first.code == "DRV046"
    assert "dtype: {v: string}" in caught.value.first.fix


def test_columns_known_from_the_manifest_are_not_looked_at_again(bench: Workbench) -> None:
    known = (Column("a", "float64"), Column("b", "string"))
    assert types(read(bench, "a,b\n1,2\n", columns_known=known)) == {"a": "double", "b": "string"}
    with pytest.raises(DriverError, match="row 2, column 'a'"):
        read(bench, "a,b\n1,2\nx,3\n", columns_known=known)


def test_a_file_with_other_columns_than_the_manifest_is_looked_at(bench: Workbench) -> None:
    assert types(read(bench, "a,c\n1,2\n", columns_known=(Column("a", "string"),))) == {"a": "int64", "c": "int64"}


def test_parse_dates_false_leaves_dates_text_and_a_list_names_columns(bench: Workbench) -> None:
    text = "a,b,c\n2020-01-01,2020-01-01,\n"
    assert types(read(bench, text)) == {"a": "string", "b": "string", "c": "string"}
    assert types(read(bench, text, parse_dates=["b", "c"])) == {"a": "string", "b": "date32[day]", "c": "string"}
    with pytest.raises(DriverError, match=r"column 'a' of .* does not hold dates only"):
        read(bench, "a\n2020-01-01\nlater\n", parse_dates=["a"])


# -- NULL and empty --------------------------------------------------------------------------------------------------


def test_an_empty_field_is_null_and_a_quoted_one_is_empty_text(bench: Workbench) -> None:
    found = read(bench, 's,n\na,1\n"",""\n,\n')
    assert found.to_pylist() == [{"s": "a", "n": 1}, {"s": "", "n": None}, {"s": None, "n": None}]


def test_a_quoted_empty_field_is_null_where_it_cannot_be_text(bench: Workbench) -> None:
    kinds = {"n": "int64", "d": "decimal(5,2)", "e": "decimal(40,1)", "h": "float16", "t": "date", "b": "bool"}
    found = read(bench, 'n,d,e,h,t,b\n"","","","","",""\n1,1.5,2.5,0.5,2020-01-01,true\n', dtype=kinds)
    assert list(found.to_pylist()[0].values()) == [None] * 6
    assert found.to_pylist()[1]["h"] == 0.5


def test_na_values_are_null_unless_quoted(bench: Workbench) -> None:
    found = read(bench, 'a,b\nNA,NA\n1,"NA"\nn/a,x\n', na_values=["NA", "n/a"])
    assert found.to_pylist() == [{"a": None, "b": None}, {"a": 1, "b": "NA"}, {"a": None, "b": "x"}]


def test_blank_lines_are_left_out_or_rows_of_nulls(bench: Workbench) -> None:
    text = "\na,b\n1,2\n\n3,4\n"
    assert read(bench, text)["a"].to_pylist() == [1, 3]
    assert read(bench, text[1:], skip_blank_lines=False)["a"].to_pylist() == [1, None, 3]


# -- header, lines and encodings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("1,x\n2,y\n", {"header": False}, {"column0": [1, 2], "column1": ["x", "y"]}),
        ("1,x\n", {"header": False, "columns": ["column1"]}, {"column1": ["x"]}),
        ("junk\n\nmore,junk\na,b\n1,x\n", {"header": 2}, {"a": [1], "b": ["x"]}),
        ("a,b\n1,x\n", {"header": 0}, {"a": [1], "b": ["x"]}),
        ('"not closed\nnor this\na\n1\n', {"skip_rows": 2}, {"a": [1]}),
        ("# by: me\na\n# 1\n2\n", {"comment": "#"}, {"a": [2]}),
        ('a\n"x\n# y"\n#z', {"comment": "#"}, {"a": ["x\n# y"]}),
        ("a;b\n1,5;2\n", {"delimiter": ";", "dtype": {"a": "string"}}, {"a": ["1,5"], "b": [2]}),
        ("a\tb\n1\t2\n", {"delimiter": "\t"}, {"a": [1], "b": [2]}),
        ("a,,a\n1,2,3\n", {}, {"a": [1], "column1": [2], "a_1": [3]}),
        ('"a\nb",c\n1,2\n', {}, {"a\nb": [1], "c": [2]}),
        ("\ufeffa,b\n1,2\n", {}, {"a": [1], "b": [2]}),
        ("a,b\r\n1,2\r\n\r\n3,4", {}, {"a": [1, 3], "b": [2, 4]}),
        ("a,b\r1,2\r3,4\r", {}, {"a": [1, 3], "b": [2, 4]}),
        ("a,b\n1,2", {"limit": 5}, {"a": [1], "b": [2]}),
        ("a,b\n", {}, {"a": [], "b": []}),
        ("a,b", {}, {"a": [], "b": []}),
        ('a\n"x ""y"" z"\n', {}, {"a": ['x "y" z']}),
        ('a,b\n5" pipe,1\n6",2\n', {}, {"a": ['5" pipe', '6"'], "b": [1, 2]}),
    ],
)
def test_a_file_is_read_as_its_options_say(
    bench: Workbench, text: str, options: dict[str, Any], expected: dict[str, list[Any]]
) -> None:
    assert read(bench, text, **options).to_pydict() == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1", "iso-8859-1"])
def test_text_in_other_encodings_is_read(bench: Workbench, encoding: str) -> None:
    text = "näme,b\n" + "ü\u00e9,1\n" * 1000
    found = read(bench, text.encode(encoding), encoding=encoding)
    assert found.to_pylist() == [{"näme": "üé", "b": 1}] * 1000


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("a\nü\n".encode("latin-1"), "utf-8"),
        ("ü\n1\n".encode("latin-1"), "utf-8"),
        ("a\nü\n".encode(), "ascii"),
        ("a\nü\n".encode("utf-16")[:-1], "utf-16"),
    ],
)
def test_text_in_another_encoding_than_declared_is_refused_with_a_way_out(
    bench: Workbench, data: bytes, encoding: str
) -> None:
    with pytest.raises(DriverError) as caught:
        read(bench, data, encoding=encoding)
    assert "encoding" in caught.value.first.fix


@pytest.mark.parametrize(
    ("name", "data", "compression"),
    [
        ("r.csv.gz", gzip.compress(b"a\n1\n", mtime=0), "infer"),
        ("r.csv.bz2", bz2.compress(b"a\n1\n"), "infer"),
        ("r.csv.xz", lzma.compress(b"a\n1\n"), "infer"),
        ("r.ZIP", zipped(rows="a\n1\n"), "infer"),
        ("r.data", gzip.compress(b"a\n1\n", mtime=0), "gzip"),
        ("r.gz", b"a\n1\n", "none"),
        ("r.gz", gzip.compress(b"a\n", mtime=0) + gzip.compress(b"1\n", mtime=0), "infer"),
    ],
)
def test_compressed_files_are_read(bench: Workbench, name: str, data: bytes, compression: str) -> None:
    assert read(bench, data, name, compression=compression).to_pydict() == {"a": [1]}


NOISE = random.Random(7).randbytes(200_000).hex()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("cut.gz", gzip.compress(f"a\n{NOISE}\n".encode())[:90_000]),
        ("cut.bz2", bz2.compress(f"a\n{NOISE}\n".encode())[:90_000]),
        ("cut.xz", lzma.compress(f"a\n{NOISE}\n".encode())[:90_000]),
        ("cut.zip", zipped(rows=f"a\n{NOISE}\n")[:90_000]),
        ("junk.gz", b"no gzip"),
        ("junk.xz", b"no xz"),
        ("junk.zip", b"no zip"),
        ("two.zip", zipped(a="a\n1\n", b="b\n2\n")),
        ("none.zip", zipped()),
    ],
)
def test_a_damaged_archive_is_an_error_and_never_fewer_rows(bench: Workbench, name: str, data: bytes) -> None:
    with pytest.raises(DriverError) as caught:
        read(bench, data, name)
    assert caught.value.first.code == "DRV043"


# -- malformed files -------------------------------------------------------------------------------------------------


def test_a_record_of_another_length_is_named_by_its_row(bench: Workbench) -> None:
    for line, found in (("1", "1 fields instead of 2"), ("1,2,3", "3 fields instead of 2")):
        with pytest.raises(DriverError, match=f"row 90001: {found}"):
            read(bench, "a,b\n" + "1,2\n" * 90_000 + line + "\n")


def test_a_quote_that_is_never_closed_is_an_error(bench: Workbench) -> None:
    for text in ('a,b\n"x,1\n2,3\n', 'a,b\n1,"x\n', 'a\n"' + "x\n" * 2_000_000):
        with pytest.raises(DriverError, match="never closed"):
            read(bench, text)


@pytest.mark.parametrize("options", [{}, {"header": False}, {"header": 3}, {"skip_rows": 9}])
@pytest.mark.parametrize("text", ["", "\n\n"])
def test_an_empty_file_is_an_error(bench: Workbench, text: str, options: dict[str, Any]) -> None:
    with pytest.raises(DriverError, match="no header") as caught:
        read(bench, text, **options)
    assert caught.value.first.code == "DRV044"


@pytest.mark.parametrize("option", [{"columns": ["nme"]}, {"dtype": {"nme": "string"}}, {"parse_dates": ["nme"]}])
def test_an_option_that_names_an_unknown_column_offers_the_nearest(bench: Workbench, option: dict[str, Any]) -> None:
    with pytest.raises(DriverError, match="'nme'") as caught:
        read(bench, "name,b\n1,2\n", **option)
    assert caught.value.first.fix == "did you mean name?"


@pytest.mark.parametrize("delimiter", ['"', "\n", "ž", ""])
def test_a_delimiter_that_cannot_work_is_refused(bench: Workbench, delimiter: str) -> None:
    with pytest.raises(DriverError, match="delimiter"):
        read(bench, "a\n1\n", delimiter=delimiter)


def test_a_missing_file_is_named_with_the_nearest_in_its_folder(bench: Workbench) -> None:
    (bench.root / "data").mkdir()
    for name in ("orders.csv", "items.csv"):
        (bench.root / "data" / name).write_text("a\n1\n")
    for path, fix in (
        ("data/order.csv", "did you mean orders.csv?"),
        ("data/zzz.csv", "the folder holds items.csv, orders.csv"),
        ("dta/orders.csv", "the folder dta does not exist either"),
        ("data", "name a file in it"),
    ):
        with pytest.raises(DriverError) as caught:
            bench.read(READER, {"path": path})
        assert (caught.value.first.code, caught.value.first.fix) == ("DRV040", fix)


@pytest.mark.parametrize("component", [READER, WRITER])
@pytest.mark.parametrize("path", ["../x.csv", "/etc/hostname", "link/x.csv", "a/../../x.csv"])
def test_a_path_that_leaves_the_project_is_refused(
    bench: Workbench, tmp_path_factory: pytest.TempPathFactory, component: str, path: str
) -> None:
    outside = tmp_path_factory.mktemp("elsewhere")
    (outside / "x.csv").write_text("a\n1\n")
    (bench.root / "link").symlink_to(outside)
    with pytest.raises(ConfigError) as caught, bench.opened(component, {"path": path}) as driver:
        driver.read() if component == READER else driver.write(pa.table({"a": [1]}).to_reader())
    assert caught.value.first.code == "CFG010"
    assert (outside / "x.csv").read_text() == "a\n1\n"


def test_base_dir_comes_from_the_connection_or_without_one_from_the_step(bench: Workbench) -> None:
    for folder in ("one", "two"):
        (bench.root / folder).mkdir()
        (bench.root / folder / "r.csv").write_text(f"a\n{folder}\n")
    bench.connection = {"base_dir": "one"}
    assert bench.read(READER, {"path": "r.csv"}).to_pydict() == {"a": ["one"]}
    with pytest.raises(DriverError) as caught:
        bench.read(READER, {"path": "r.csv", "base_dir": "two"})
    assert caught.value.first.code == "SPC013"
    bench.write(WRITER, {"path": "out.csv"}, pa.table({"a": [1]}))
    assert (bench.root / "one/out.csv").read_text() == "a\n1\n"
    bench.connection = {}
    assert bench.read(READER, {"path": "r.csv", "base_dir": "two"}).to_pydict() == {"a": ["two"]}


# -- cutting ---------------------------------------------------------------------------------------------------------


def _any_table(noise: random.Random) -> pa.Table:
    pieces = ["", " ", "a", "ž😀", '"', '""', "\n", "\r\n", ",", ";", "0", "x" * 40, "\x1f", "\\", "'"]
    columns = noise.randint(1, 4)
    rows = noise.randint(1, 60)

    def value() -> str | None:
        if noise.random() < 0.1 and columns > 1:
            return None
        return "".join(noise.choice(pieces) for _ in range(noise.randint(0 if columns > 1 else 1, 6)))

    return pa.table({f"c{number}": pa.array([value() for _ in range(rows)], pa.string()) for number in range(columns)})


@pytest.mark.matrix
@pytest.mark.parametrize("seed", sampled(range(600), 60))
def test_any_text_survives_writing_and_reading_in_blocks_of_any_size(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    noise = random.Random(seed)
    table = _any_table(noise)
    options = {"delimiter": noise.choice(",;\t"), "encoding": noise.choice(["utf-8", "utf-16"])}
    how = {"newline": noise.choice(["lf", "crlf"]), "quoting": noise.choice(["minimal", "all", "nonnumeric"])}
    bench.write(WRITER, {"path": "t.csv", **options, **how}, table)
    monkeypatch.setattr(csv_decode, "CHUNK", noise.choice([1, 7, 64, 300, 1 << 20]))
    told = {"dtype": dict.fromkeys(table.column_names, "string"), "skip_blank_lines": False}
    assert bench.read(READER, {"path": "t.csv", **options, **told}).equals(table)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 21, 64])
def test_quotes_inside_of_bare_fields_do_not_mislead_the_cutting(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(csv_decode, "CHUNK", size)
    text = 'a,b\n5" pipe,1\n"two\nlines",2\n6" and 7",3\n"x, ""y""\n",4\nplain,5\n8",6\n'
    expected = ['5" pipe', "two\nlines", '6" and 7"', 'x, "y"\n', "plain", '8"']
    assert read(bench, text, dtype={"a": "string", "b": "int64"}).to_pydict() == {
        "a": expected,
        "b": [1, 2, 3, 4, 5, 6],
    }
    assert read(bench, text)["b"].to_pylist() == [1, 2, 3, 4, 5, 6]


def test_a_value_larger_than_many_blocks_is_read(bench: Workbench) -> None:
    large = "line\n" * 1_000_000
    assert read(bench, f'a,b\n1,"{large}"\n2,x\n').to_pylist()[0] == {"a": 1, "b": large}


# -- writing ---------------------------------------------------------------------------------------------------------

ROWS = pa.table(
    {
        "text": ["a", "", None, 'say "x"', "l1\nl2", "c,d"],
        "number": [1, None, 3, 4, 5, 6],
        "day": pa.array([dt.date(2020, 1, 1)] * 6),
    }
)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 'text,number,day\na,1,D\n"",,D\n,3,D\n"say ""x""",4,D\n"l1\nl2",5,D\n"c,d",6,D\n'),
        (
            {"quoting": "all"},
            (
                '"text","number","day"\n"a","1","D"\n"",,"D"\n,"3","D"\n'
                '"say ""x""","4","D"\n"l1\nl2","5","D"\n"c,d","6","D"\n'
            ),
        ),
        (
            {"quoting": "nonnumeric", "header": False},
            '"a",1,"D"\n"",,"D"\n,3,"D"\n"say ""x""",4,"D"\n"l1\nl2",5,"D"\n"c,d",6,"D"\n',
        ),
        (
            {"delimiter": ";", "newline": "crlf"},
            'text;number;day\r\na;1;D\r\n"";;D\r\n;3;D\r\n"say ""x""";4;D\r\n"l1\nl2";5;D\r\nc,d;6;D\r\n',
        ),
    ],
)
def test_rows_are_written_as_the_options_say(bench: Workbench, options: dict[str, Any], expected: str) -> None:
    bench.write(WRITER, {"path": "out.csv", **options}, ROWS)
    assert (bench.root / "out.csv").read_bytes().decode() == expected.replace("D", "2020-01-01")


def test_a_delimiter_inside_of_numbers_is_quoted(bench: Workbench) -> None:
    bench.write(WRITER, {"path": "out.csv", "delimiter": "."}, pa.table({"a": [1.5, 2.0], "b": [7, 8]}))
    assert (bench.root / "out.csv").read_text() == 'a.b\n"1.5".7\n2.8\n'


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([0.1, 1e20, 1e-7, float("nan"), float("-inf"), 5e-324]), "0.1 1e+20 1e-7 nan -inf 5e-324"),
        (pa.array([0.1, 3.4e38], pa.float32()), "0.1 3.4e+38"),
        (pa.array([0, 3_723_000_040], pa.timestamp("us")), "1970-01-01T00:00:00 1970-01-01T01:02:03.00004"),
        (pa.array([43_200], pa.timestamp("s", "Europe/Prague")), "1970-01-01T12:00:00Z"),
        (pa.array([1], pa.timestamp("ns")), "1970-01-01T00:00:00.000000001"),
        (pa.array([dt.time(1, 2, 3), dt.time(1, 2, 3, 500)]), "01:02:03 01:02:03.0005"),
        (pa.array([True, False]), "true false"),
        (pa.array(["b", "a"]).dictionary_encode(), "b a"),
        (pa.array([2**64 - 1], pa.uint64()), "18446744073709551615"),
    ],
)  # fmt: skip
def test_values_are_written_exactly(bench: Workbench, column: pa.Array, expected: str) -> None:
    bench.write(WRITER, {"path": "out.csv", "header": False}, pa.table({"v": column}))
    assert (bench.root / "out.csv").read_text().split() == expected.split()


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.csv.bz2", "out.csv.xz", "out.zip"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_files_are_written_compressed_and_encoded_and_the_same_rows_make_the_same_bytes(
    bench: Workbench, name: str, encoding: str
) -> None:
    rows = pa.table({"a": ["ü"] * 5000, "b": range(5000)})
    reports = [bench.write(WRITER, {"path": name, "encoding": encoding}, rows) for _ in range(2)]
    assert reports[0].artifacts == reports[1].artifacts
    assert bench.read(READER, {"path": name, "encoding": encoding}).equals(rows)


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.csv.bz2", "out.csv.xz"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_rows_are_appended_to_files_of_any_kind(bench: Workbench, name: str, encoding: str) -> None:
    rows = pa.table({"a": ["ü", None], "b": [1, 2]})
    for _ in range(3):
        bench.write(WRITER, {"path": name, "encoding": encoding, "write_mode": "append"}, rows)
    assert bench.read(READER, {"path": name, "encoding": encoding}).equals(pa.concat_tables([rows] * 3))


def test_an_append_adds_the_line_end_that_the_file_lacks(bench: Workbench) -> None:
    (bench.root / "out.csv").write_text("a,b\n1,2")
    bench.write(WRITER, {"path": "out.csv", "write_mode": "append"}, pa.table({"a": [3], "b": [4]}))
    assert (bench.root / "out.csv").read_text() == "a,b\n1,2\n3,4\n"


@pytest.mark.parametrize("header", [True, False])
def test_an_append_of_other_columns_is_refused(bench: Workbench, header: bool) -> None:
    (bench.root / "out.csv").write_text("a,b\n1,2\n")
    rows = pa.table({"a": [3], "c": [4]}) if header else pa.table({"a": [3]})
    with pytest.raises(DriverError, match="the columns of"):
        bench.write(WRITER, {"path": "out.csv", "write_mode": "append", "header": header}, rows)
    assert (bench.root / "out.csv").read_text() == "a,b\n1,2\n"


def test_an_append_without_header_needs_as_many_columns(bench: Workbench) -> None:
    (bench.root / "out.csv").write_text("1,2\n")
    options = {"path": "out.csv", "write_mode": "append", "header": False}
    bench.write(WRITER, options, pa.table({"x": [3], "y": [4]}))
    assert (bench.root / "out.csv").read_text() == "1,2\n3,4\n"


def test_a_zip_archive_is_not_appended_to(bench: Workbench) -> None:
    bench.write(WRITER, {"path": "out.zip"}, ROWS)
    with pytest.raises(DriverError, match="zip"):
        bench.write(WRITER, {"path": "out.zip", "write_mode": "append"}, ROWS)


def test_a_retried_append_to_a_file_that_somebody_changed_is_not_guessed(bench: Workbench) -> None:
    options = {"path": "out.csv", "write_mode": "append"}
    bench.write(WRITER, options, ROWS, run_id="run")
    with (bench.root / "out.csv").open("a") as file:
        file.write("z,9,2020-01-01\n")
    with pytest.raises(DriverError, match="changed since") as caught:
        bench.write(WRITER, options, ROWS, run_id="run")
    assert caught.value.retryable == "ambiguous"


def test_a_character_that_the_encoding_lacks_is_named_with_its_column(bench: Workbench) -> None:
    bench.write(WRITER, {"path": "out.csv"}, ROWS)
    before = (bench.root / "out.csv").read_bytes()
    for rows, where in ((pa.table({"a": ["ok"], "b": ["ž"]}), "column 'b'"), (pa.table({"ž": ["ok"]}), "the header")):
        with pytest.raises(DriverError, match=where):
            bench.write(WRITER, {"path": "out.csv", "encoding": "latin-1"}, rows)
    assert (bench.root / "out.csv").read_bytes() == before
