"""Reads CSV files as a stream of typed rows; a value that does not fit is named by row and column."""

from __future__ import annotations

import difflib
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from osiris_dagster.drivers.base import StepCall
from osiris_dagster.drivers.batches import stream
from osiris_dagster.drivers.filesystem.csv_blocks import worked
from osiris_dagster.drivers.filesystem.csv_options import csv_type, read_options
from osiris_dagster.drivers.filesystem.csv_parse import Objection, Parsed, Parser
from osiris_dagster.drivers.filesystem.csv_text import CsvText
from osiris_dagster.drivers.filesystem.csv_types import Verdict, judged
from osiris_dagster.drivers.filesystem.files import existing_file, project_path
from osiris_dagster.drivers.stopping import StopSign
from osiris_dagster.errors import DriverError


@dataclass(frozen=True, slots=True)
class _Look:
    """What one block says about the columns in question."""

    verdicts: Mapping[str, Verdict]
    rows: int
    objection: Objection | None
    complete: bool


class CsvReading:
    """One reading of one step."""

    def __init__(self, call: StepCall) -> None:
        self._call = call
        self._options = read_options(call.config)
        self._name = project_path(call)
        self._stop = StopSign()
        self._rows: Generator[pa.RecordBatch] | None = None

    def schema(self) -> pa.Schema:
        """Return the columns. Looks at the whole file unless all types are declared or known from the manifest."""
        return pa.schema(list(self._types(existing_file(self._call)).items()))

    def read(self) -> pa.RecordBatchReader:
        """Open the file. It is parsed while the rows are read."""
        path = existing_file(self._call)
        types = self._types(path)
        self._rows = self._batches(path, types)
        return stream(pa.schema(list(types.items())), self._rows)

    def cancel(self) -> None:
        """End the reading at the next block."""
        self._stop.set()

    def close(self) -> None:
        """Close the file. Idempotent."""
        if self._rows is not None:
            self._rows.close()

    def _batches(self, path: Path, types: Mapping[str, pa.DataType]) -> Generator[pa.RecordBatch]:
        left = self._options.limit
        with closing(CsvText(path, self._options)) as text:
            parser = Parser(self._options, text.names, types)
            with closing(worked(text.blocks(), parser.parse)) as parts:
                for rows in self._accepted(parts):
                    kept = rows if left is None else rows.slice(0, left)
                    yield from kept.combine_chunks().to_batches()
                    if left is not None and (left := left - kept.num_rows) == 0:
                        return

    def _accepted(self, parts: Iterable[Parsed]) -> Iterator[pa.Table]:
        before = 0
        for part in parts:
            self._stop.check()
            if part.objection is not None or part.rows is None:
                raise self._misfit(part.objection or Objection("it cannot be read"), before)
            before += part.rows.num_rows
            yield part.rows

    def _types(self, path: Path) -> dict[str, pa.DataType]:
        """Return the type of each column to read, in order."""
        with closing(CsvText(path, self._options)) as text:
            names = text.names
        wanted = list(self._call.selected(names))
        dates = self._options.parse_dates
        named_dates = () if isinstance(dates, bool) else dates
        for option, listed in (
            ("columns", self._options.columns),
            ("dtype", self._options.dtype),
            ("parse_dates", named_dates),
        ):
            self._check_names(option, listed, names)
        known = {column.name: csv_type(column.type, column.name) for column in self._call.columns}
        known = {**(known if known.keys() >= set(wanted) else {}), **self._options.dtype}
        looked = self._look(path, names, [name for name in wanted if name not in known])
        for name in named_dates:
            self._check_dates(name, looked)
        return {name: known[name] if name in known else looked[name].type for name in wanted}

    def _look(self, path: Path, names: list[str], wanted: list[str]) -> Mapping[str, Verdict]:
        """Return the verdict on columns of unknown type from one pass over the file; all text ends it early."""
        joined = dict.fromkeys(wanted, Verdict())
        dates = self._options.parse_dates

        def work(block: bytes) -> _Look:
            guesses = {name: verdict for name, verdict in joined.items() if verdict.kind != "text"}
            parsed = Parser(self._options, names, dict.fromkeys(guesses, pa.string())).parse(block)
            if parsed.rows is None:
                return _Look({}, 0, parsed.objection, parsed.complete)
            verdicts = {
                name: judged(parsed.rows.column(name), guess, dates=dates if isinstance(dates, bool) else name in dates)
                for name, guess in guesses.items()
            }
            return _Look(verdicts, parsed.rows.num_rows, parsed.objection, parsed.complete)

        if not wanted:
            return joined
        before = 0
        with closing(CsvText(path, self._options)) as text, closing(worked(text.blocks(), work)) as looks:
            for look in looks:
                self._stop.check()
                if look.objection is not None:
                    raise self._misfit(look.objection, before)
                before += look.rows
                for name, verdict in look.verdicts.items():
                    joined[name] = joined[name].join(verdict)
                if all(verdict.kind == "text" for verdict in joined.values()):
                    break
        return joined

    def _check_names(self, option: str, listed: Iterable[str], names: list[str]) -> None:
        for name in listed:
            if name not in names:
                near = difflib.get_close_matches(name, names, n=1)
                raise DriverError(
                    f"{self._name} has no column {name!r}, which `{option}` names",
                    code="DRV045",
                    found=", ".join(names[:20]),
                    expected=f"a column {name}",
                    fix=f"did you mean {near[0]}?" if near else f"correct `{option}`, or `header` and `delimiter`",
                )

    def _check_dates(self, name: str, looked: Mapping[str, Verdict]) -> None:
        if looked.get(name, Verdict()).kind in ("bool", "int", "float", "text"):
            raise DriverError(
                f"column {name!r} of {self._name} does not hold dates only",
                code="DRV046",
                found=looked[name].kind,
                expected="dates or timestamps in ISO 8601 form",
                fix="take it out of `parse_dates` and convert it in a step after",
            )

    def _misfit(self, objection: Objection, before: int) -> DriverError:
        where = f", row {before + objection.row}" if objection.row else ""
        where += f", column {objection.column!r}" if objection.column else ""
        fix = f"correct the value, or read the column as text: dtype: {{{objection.column}: string}}"
        if "UTF8" in objection.reason:
            fix = "set `encoding`, e.g. to latin-1"
        return DriverError(
            f"{self._name}{where}: {objection.reason[:300]}",
            code="DRV046",
            found=objection.reason[:300],
            expected="fields that fit their columns; rows are counted from 1 after the header",
            fix=fix if objection.column else "correct the row, or `delimiter`",
        )
