"""What differs between any two runs of the same commit, put into words: ids, times, durations, ports, folders.

The rules, in their order:

* the folder of the case is `<project>`, that of the checkout `<checkout>`, other temporary names `<temporary>`;
* a port of a test server is `<port>`;
* a UUID that the calls printed is `<id 1>`, `<id 2>`, ... in the order of its appearance, and so are its first eight
  digits where they stand for it; another UUID is `<id>`;
* a digest (32 or 64 hexadecimal digits) is `<digest>`, a random part of a name (`_` and eight digits) `<random>`;
* the number that PostgreSQL gave to a table (`attrelid = 16412`) is `<number>`;
* a moment within a day of now (ISO, or seconds, milliseconds or microseconds since 1970) is `<moment>`; others are
  data;
* a duration (`12 ms`, `1.4 s`, `"duration_ms": 12`) is `<duration>`, the memory that a step took `<memory>`;
* where measures are written down, they and all numbers of two digits and more are `<measure>`.

Lines of tables have no order, so they are sorted again afterwards. Manifests and the tables of a case have nothing that
differs between runs: there, and in cases that are exact, only the folder is replaced.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tools.comparison.case import Aspects

_UUID = re.compile(r"\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_FIXED: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?:/tmp|/dev/shm|/var/tmp)/[\w.-]+(?:/[\w.-]+)*"), "<temporary>"),
    (_UUID, "<id>"),
    (re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{32})(?![0-9a-f])"), "<digest>"),
    (re.compile(r"(?<=_)(?=[a-f]*\d)[0-9a-f]{8}(?![0-9a-z])"), "<random>"),
    (re.compile(r'(?<="peak_memory_bytes": )\d+'), "<memory>"),
    (re.compile(r"(?<=oid = )\d+|(?<=relid = )\d+"), "<number>"),
)
_DATE = r"(?P<year>\d{4})-?(?P<month>\d\d)-?(?P<day>\d\d)"
_ISO = re.compile(rf"\b{_DATE}(?:(?:[T ]| at )\d\d:?\d\d:?\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)?(?!\d)")
_EPOCH = re.compile(r"(?<!\d)(\d{10})(?:\d{3}|\d{6}|\.\d+)?(?!\d)")
_DURATION = re.compile(r" +\d+(?:[.,]\d+)* ?(?:ms|s|min|µs)\b|(?<=_ms\": )\d+(?:\.\d+)?|(?<=_ms=)\d+")
_KEYED = re.compile(
    r'("(?:\w*_ms|\w*bytes\w*|\w*_per_second|value|current|previous|median|mad|change_percent)": ?)"?-?[\d.]+"?'
)
_FREE = re.compile(r"(?<![\w.<-])-?\d[\d,]*\.?\d+%?(?![\w>])")
_DAY = timedelta(days=1)


@dataclass
class Normal:
    """The rules for one case of one side."""

    folders: Mapping[str, str]  # path -> its word
    ports: tuple[int, ...] = ()
    measured: bool = False
    ids: dict[str, str] = field(default_factory=dict)

    def aspects(self, raw: Aspects, exact: Callable[[str], bool]) -> dict[str, str]:
        """Return aspects in words; texts of names that are equal then are joined."""
        for name, text in raw.items():
            if name.endswith(("stdout", "stderr")):
                for found in _UUID.finditer(text):
                    self.ids.setdefault(found[0], f"<id {len(self.ids) + 1}>")
        worded: dict[str, list[str]] = {}
        for name, text in raw.items():
            done = self.placed(text) if exact(name) else self.text(text)
            done = "\n".join(sorted(done.splitlines())) if name.startswith("rows of ") else done
            worded.setdefault(self.placed(name) if exact(name) else self.text(name), []).append(done)
        return {name: "\n".join(sorted(texts)) for name, texts in worded.items()}

    def placed(self, text: str) -> str:
        """Replace the folders and nothing else."""
        for path, word in self.folders.items():
            text = text.replace(path, word)
        return text

    def text(self, text: str) -> str:
        """Apply every rule."""
        text = self.placed(text)
        for port in self.ports:
            text = re.sub(rf"\b{port}\b", "<port>", text)
        for given, word in self.ids.items():
            text = text.replace(given, word)
            text = re.sub(rf"\b{given[:8]}\b", word, text)
        for pattern, word in _FIXED:
            text = pattern.sub(word, text)
        text = _DURATION.sub(" <duration>", _EPOCH.sub(_epoch, _ISO.sub(_moment, text)))
        return _FREE.sub("<measure>", _KEYED.sub(r"\1<measure>", text)) if self.measured else text


def _moment(found: re.Match[str]) -> str:
    try:
        day = datetime(int(found["year"]), int(found["month"]), int(found["day"]), tzinfo=UTC)
    except ValueError:
        return found[0]
    return "<moment>" if -2 * _DAY < day - datetime.now(UTC) < _DAY else found[0]


def _epoch(found: re.Match[str]) -> str:
    return "<moment>" if abs(int(found[1]) - time.time()) < _DAY.total_seconds() else found[0]
