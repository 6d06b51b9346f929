"""Parses one block of CSV text to typed rows, and tells whether it ended with a whole record.

Cutting text into blocks by counting quotes goes wrong where a field that is not quoted holds one. So a mark is put
behind the block: it comes out as a record of its own, unless a field was still open. Then the block has to be joined
to the next one and parsed again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from osiris_dagster.drivers.filesystem.csv_options import ReadOptions

_MARK = "\x1fend of block\x1f"
TRUE, FALSE = ["true", "True", "TRUE"], ["false", "False", "FALSE"]
_CONVERSION = re.compile(r"In CSV column #(?P<column>\d+): (?:Row #(?P<row>\d+): )?(?P<reason>.*)", re.DOTALL)
_WITHOUT_CONVERTER = (pa.types.is_float16, pa.types.is_decimal256)


@dataclass(frozen=True, slots=True)
class Objection:
    """What the parser objects to; `row` counts from 1 in the block, 0 when it is not known."""

    reason: str
    row: int = 0
    column: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What became of a block. Rows and objection mean nothing when its last record was not complete."""

    rows: pa.Table | None
    objection: Objection | None
    complete: bool


class Parser:
    """Parses blocks of one file into the same columns; used by several threads at once."""

    def __init__(self, options: ReadOptions, names: Sequence[str], types: Mapping[str, pa.DataType]) -> None:
        """`names` are the fields of a record, `types` the columns to read, in order."""
        self._options = options
        self._names = list(names)
        self._types = dict(types)
        self._read_as = {
            name: pa.string() if any(test(kind) for test in _WITHOUT_CONVERTER) else kind
            for name, kind in types.items()
        }
        self._empty_texts = True  # until a column that is not text holds a quoted empty field

    def parse(self, block: bytes) -> Parsed:
        """Return the rows of a block."""
        ending = _Ending(block, self._names, self._options)
        try:
            rows = self._finished(self._rows(ending))
        except pa.ArrowException as error:
            return Parsed(None, ending.ragged or self._objection(error), ending.complete)
        return Parsed(rows, ending.ragged, ending.complete)

    def _rows(self, ending: _Ending) -> pa.Table:
        """A quoted empty field is an empty text, and no value at all in a column of another type."""
        if self._empty_texts:
            try:
                return self._read(ending, self._read_as, quoted_nulls=False)
            except pa.ArrowInvalid:
                if b'""' not in ending.text:
                    raise
                self._empty_texts = False
        texts = {name: kind for name, kind in self._read_as.items() if _is_text(kind)}
        others = {name: kind for name, kind in self._read_as.items() if name not in texts}
        parts = [
            self._read(ending, types, quoted_nulls=quoted)
            for types, quoted in ((texts, False), (others, True))
            if types
        ]
        columns = {name: part.column(name) for part in parts for name in part.column_names}
        return pa.table({name: columns[name] for name in self._read_as})

    def _read(self, ending: _Ending, types: Mapping[str, pa.DataType], *, quoted_nulls: bool) -> pa.Table:
        return pacsv.read_csv(
            pa.BufferReader(ending.text),
            read_options=pacsv.ReadOptions(
                use_threads=False, column_names=self._names, block_size=max(len(ending.text), 1)
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=self._options.delimiter,
                newlines_in_values=True,
                ignore_empty_lines=self._options.skip_blank_lines,
                invalid_row_handler=ending.invalid,
            ),
            convert_options=pacsv.ConvertOptions(
                include_columns=list(types),
                column_types=dict(types),
                null_values=["", *self._options.na_values],
                strings_can_be_null=True,
                quoted_strings_can_be_null=quoted_nulls,
                true_values=TRUE,
                false_values=FALSE,
            ),
        )

    def _finished(self, rows: pa.Table) -> pa.Table:
        """Convert what the parser could only read as text."""
        for index, (name, kind) in enumerate(self._types.items()):
            if self._read_as[name] == kind:
                continue
            text = rows.column(name)
            text = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
            through = pa.float64() if pa.types.is_float16(kind) else kind
            rows = rows.set_column(index, name, pc.cast(pc.cast(text, through), kind))
        return rows

    def _objection(self, error: pa.ArrowException) -> Objection:
        match = _CONVERSION.match(str(error))
        if match is None:
            return Objection(str(error))
        return Objection(match["reason"], int(match["row"] or 0), self._names[int(match["column"])])


class _Ending:
    """A block with the mark behind it, and what the parser says about records that are too short or too long."""

    def __init__(self, block: bytes, names: Sequence[str], options: ReadOptions) -> None:
        self.ragged: Objection | None = None
        self._options = options
        self._mark = _MARK if len(names) > 1 else f"{_MARK}{options.delimiter}{_MARK}"
        self.complete = b'"' not in block  # without quotes every line is a record
        self.text = block
        if not self.complete:
            line_end = b"" if block.endswith((b"\n", b"\r")) else b"\n"
            self.text = b"".join((block, line_end, self._mark.encode(), b"\n"))

    def invalid(self, row: pacsv.InvalidRow) -> str:
        """Take note of a record that has not as many fields as there are columns."""
        if row.text == self._mark:
            self.complete = True
        elif self.ragged is None and not row.text.endswith(_MARK):
            reason = f"{row.actual_columns} fields instead of {row.expected_columns}"
            self.ragged = Objection(reason, row.number or 0)
        return "skip"


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind))
