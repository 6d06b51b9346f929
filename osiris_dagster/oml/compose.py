"""YAML text in, a `Document` out: plain data with positions, within limits, and faults instead of exceptions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from osiris_dagster.errors import Diagnostic, Place
from osiris_dagster.oml.document import Document, Path, Span, path_text
from osiris_dagster.oml.fences import fence_fault
from osiris_dagster.oml.scalars import COLLECTION_TAGS, SCALAR_TAGS, NotJson, resolve_plain, resolve_tagged
from osiris_dagster.oml.syntax import syntax_fault, template_fault
from osiris_dagster.oml.text import MAX_BYTES, Refused, place_at, read_text

try:
    from yaml import CSafeLoader as _Parser
except ImportError:  # PyYAML built without libyaml: slower, same events
    from yaml import SafeLoader as _Parser  # type: ignore[assignment]  # both have get_event()

MAX_DEPTH = 64
MAX_NODES = 200_000
MAX_ALIASES = 100
MAX_FAULTS = 100
_SHOWN = 10_000  # characters of a text that is too long
# Possessive, so that a long run of empty lines is read once. libyaml itself is quadratic in these directives.
_TAG_DIRECTIVE = re.compile(r"(?>[ \t\r]*(?:#[^\n]*)?\n|%(?!TAG)[^\n]*\n)*+(%TAG)")
_AFTER_DOCUMENT = re.compile(r"(?:\s|#[^\n]*(?:\n|$)|\.\.\.(?=\s|$))*")


def compose(data: str | bytes, file: str) -> Document:
    """Return the document of a text; what is wrong with the text is in `faults`, in reading order. Never raises."""
    try:
        text = read_text(data, file)
    except Refused as refused:
        return Document(file, _readable(data), faults=(refused.diagnostic,))
    if fault := fence_fault(text, file):
        return Document(file, text, faults=(fault,))
    composer = _Composer(text, file)
    try:
        value = composer.run()
    except Refused as refused:
        return Document(file, text, faults=(*composer.faults, refused.diagnostic))
    except yaml.YAMLError as error:
        fault = syntax_fault(error, Document(file, text))
        return Document(file, text, faults=(*composer.faults, fault))
    return Document(file, text, value, composer.marks, composer.key_marks, tuple(composer.faults), whole=True)


def _readable(data: str | bytes) -> str:
    """Return what can be shown of a refused text: of one that is too long, its beginning."""
    part = data if len(data) <= MAX_BYTES else data[:_SHOWN]
    return part if isinstance(part, str) else part.decode("utf-8", "replace")


class _Repeated(str):
    """The second use of a key: its value is read for faults and then dropped."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)  # with the text's hash, a hundred thousand repetitions would all collide


class _Frame:
    """A collection under construction: its data, path, and what is known about its size."""

    __slots__ = ("anchor", "depth_below", "is_map", "key", "nodes_before", "path", "start", "value")

    def __init__(self, value: dict[str, Any] | list[Any], path: Path, start: Any, nodes_before: int) -> None:
        self.value: Any = value
        self.is_map = isinstance(value, dict)
        self.path = path
        self.start = start  # the event that opened it
        self.anchor: str | None = start.anchor
        self.key: str | None = None  # of the entry whose value comes next
        self.nodes_before = nodes_before
        self.depth_below = 1


class _Composer:
    """Turns parser events into data, iteratively; faults that let reading go on are collected."""

    def __init__(self, text: str, file: str) -> None:
        self.text, self.file = text, file
        self.marks: dict[Path, Span] = {}
        self.key_marks: dict[Path, Span] = {}
        self.faults: list[Diagnostic] = []
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, int, int]] = {}  # value, nodes, depth
        self._nodes = 0
        self._aliases = 0
        self._root: Any = None

    def run(self) -> Any:
        """Return the value of the one document; None for an empty text."""
        if directive := _TAG_DIRECTIVE.match(self.text):
            self._refuse("OML006", directive.start(1), "tags cannot be declared", fix="remove the %TAG line")
        handlers = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._open,
            yaml.SequenceStartEvent: self._open,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
            yaml.AliasEvent: self._alias,
            yaml.DocumentEndEvent: self._end,
        }
        for event in parser_events(self.text):
            handler = handlers.get(type(event))
            if handler is not None:
                handler(event)
        return self._root

    # events

    def _scalar(self, event: Any) -> None:
        self._count(1, event)
        frame = self._stack[-1] if self._stack else None
        if frame is not None and frame.is_map and frame.key is None:
            self._key(frame, event)
            return
        value = self._value_of(event)
        if event.anchor:
            self._anchors[event.anchor] = (value, 1, 0)
        self._attach(value, event)

    def _open(self, event: Any) -> None:
        self._count(1, event)
        is_map = type(event) is yaml.MappingStartEvent
        if self._stack and self._stack[-1].is_map and self._stack[-1].key is None:
            self._refuse_key(event, "a mapping" if is_map else "a list")
        if len(self._stack) >= MAX_DEPTH:
            self._too_much(event, "the document is nested too deeply", f"at most {MAX_DEPTH} levels")
        if event.tag not in (None, COLLECTION_TAGS["map" if is_map else "seq"]):
            self._tag_fault(event)
        self._anchors.pop(event.anchor, None)  # an alias to it from inside itself names nothing
        value: dict[str, Any] | list[Any] = {} if is_map else []
        path = self._attach(value, event)
        self._stack.append(_Frame(value, path, event, self._nodes - 1))

    def _close(self, event: Any) -> None:
        frame = self._stack.pop()
        if frame.anchor:
            self._anchors[frame.anchor] = (frame.value, self._nodes - frame.nodes_before, frame.depth_below)
        if self._stack:
            self._stack[-1].depth_below = max(self._stack[-1].depth_below, frame.depth_below + 1)
        if frame.start.flow_style:
            self.marks[frame.path] = _span(frame.start.start_mark, event.end_mark)

    def _alias(self, event: Any) -> None:
        if self._stack and self._stack[-1].is_map and self._stack[-1].key is None:
            self._refuse_key(event, "an alias")
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            self._too_much(event, "the document uses too many aliases", f"at most {MAX_ALIASES}")
        if event.anchor not in self._anchors:
            self._refuse(
                "OML007",
                event.start_mark.index,
                "an alias names nothing that is complete above it",
                length=len(event.anchor) + 1,
                fix="mark the value that it repeats with &name, or write it in quotes if it is text",
            )
        value, nodes, depth = self._anchors[event.anchor]
        self._count(nodes, event)
        if len(self._stack) + depth > MAX_DEPTH:
            self._too_much(event, "the document is nested too deeply", f"at most {MAX_DEPTH} levels")
        if self._stack:
            self._stack[-1].depth_below = max(self._stack[-1].depth_below, depth + 1)
        self._attach(value, event)

    def _end(self, event: Any) -> None:
        """Look at what follows the document without parsing it: only one document is wanted."""
        rest = _AFTER_DOCUMENT.match(self.text, event.end_mark.index)
        index = rest.end() if rest else len(self.text)
        if index >= len(self.text):
            return
        if self.text.startswith(("---", "%"), index):
            self._refuse(
                "OML008",
                index,
                "the file holds more than one document",
                length=3,
                fix="put each pipeline into a file of its own",
            )
        self._refuse(
            "OML001",
            index,
            "text follows after the end of the document",
            fix="indent it like the lines it belongs to, or remove it",
        )

    # parts

    def _key(self, frame: _Frame, event: Any) -> None:
        span = _span(event.start_mark, event.end_mark)
        key = self._value_of(event)
        if not isinstance(key, str):
            self._fault(
                "OML005",
                event,
                f"the key {event.value or 'null'} is not text",
                expected="text as a key",
                fix=f'write it in quotes: "{event.value}"',
            )
            key = event.value
        if key == "<<" and event.implicit[0]:
            self._fault(
                "OML007",
                event,
                "merge keys are not part of YAML 1.2",
                expected="keys written out",
                fix="write out the keys; a whole value can be repeated with &name and *name",
            )
            frame.key = _Repeated(key)
            return
        if event.anchor:
            self._anchors[event.anchor] = (key, 1, 0)
        path = (*frame.path, key)
        if key in frame.value:
            self._repeated_key(path, event)
            frame.key = _Repeated(key)
            return
        if len(frame.value) == 0 and not frame.start.flow_style:
            self.marks[frame.path] = span  # a block mapping is pointed at by its first key
        self.key_marks[path] = span
        frame.key = key

    def _attach(self, value: Any, event: Any) -> Path:
        """Put a value where it belongs and mark it; return its path."""
        if not self._stack:
            self._root = value
            self.marks[()] = _span(event.start_mark, event.end_mark)
            return ()
        frame = self._stack[-1]
        if frame.is_map:
            key = frame.key
            frame.key = None
            path: Path = (*frame.path, key or "")
            if not isinstance(key, _Repeated):
                frame.value[key] = value
        else:
            path = (*frame.path, len(frame.value))
            frame.value.append(value)
        self.marks[path] = _span(event.start_mark, event.end_mark)
        return path

    def _value_of(self, event: Any) -> str | int | float | bool | None:
        try:
            if event.tag is None:
                return resolve_plain(event.value) if event.implicit[0] else str(event.value)
            if event.tag in SCALAR_TAGS:
                return resolve_tagged(event.value, event.tag)
        except NotJson:
            self._fault(
                "OML010",
                event,
                "the number cannot be written as JSON",
                expected="a finite number of at most 64 bits",
                fix="write it in quotes if it is text",
            )
            return None
        except ValueError:
            pass
        self._tag_fault(event)
        return None

    # limits and faults

    def _count(self, nodes: int, event: Any) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            self._too_much(event, "the document has too many values", f"at most {MAX_NODES:,}, aliases expanded")

    def _too_much(self, event: Any, message: str, expected: str) -> None:
        self._refuse(
            "OML003", event.start_mark.index, message, expected=expected, fix="split it into several pipelines"
        )

    def _refuse_key(self, event: Any, found: str) -> None:
        begin = event.start_mark.index
        if self.text.startswith("{{", begin - 1):
            raise Refused(template_fault(self.text, begin - 1, self.file))
        self._refuse(
            "OML005",
            event.start_mark.index,
            f"{found} is used as a key",
            expected="text as a key",
            fix="write the key as plain text",
        )

    def _tag_fault(self, event: Any) -> None:
        self._fault(
            "OML006",
            event,
            "a tag is not allowed here",
            expected="no tag, or !!str, !!int, !!float, !!bool, !!null, !!seq or !!map on a value that fits it",
            fix="remove the tag",
        )

    def _repeated_key(self, path: Path, event: Any) -> None:
        first = self.key_marks[path]
        self._fault(
            "OML004",
            event,
            f"the key `{path[-1]}` stands twice in one mapping, first in line {first.line}, column {first.column}",
            path=path_text(path),
            expected="every key once",
            fix="remove one of the two, or rename it",
        )

    def _fault(self, code: str, event: Any, message: str, *, expected: str, fix: str, path: str = "") -> None:
        if len(self.faults) > MAX_FAULTS:
            return
        span = _span(event.start_mark, event.end_mark)
        place = Place(self.file, span.line, span.column, span.length)
        self.faults.append(Diagnostic(code, message, place=place, path=path, expected=expected, fix=fix))

    def _refuse(self, code: str, index: int, message: str, *, fix: str, expected: str = "", length: int = 1) -> None:
        place = place_at(self.text, index, self.file, length)
        raise Refused(Diagnostic(code, message, place=place, expected=expected, fix=fix))


def parser_events(text: str) -> Iterator[Any]:
    """Yield the parser's events up to the end of the first document."""
    parser = _Parser(text)
    while True:
        event = parser.get_event()
        yield event
        if event is None or type(event) in (yaml.DocumentEndEvent, yaml.StreamEndEvent):
            return


def _span(start: Any, end: Any) -> Span:
    line, column = start.line, start.column
    if end.line == line:
        return Span(line + 1, column + 1, max(end.column - column, 1), 1, start.index, end.index)
    return Span(line + 1, column + 1, 1, end.line - line + (1 if end.column else 0), start.index, end.index)
