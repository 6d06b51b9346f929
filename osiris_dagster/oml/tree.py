"""The tree of a sound YAML text: every entry as it is written, with its comments. For layout and rewriting.

PyYAML's parser passes comments over, so they are found in the gaps, the text between one token and the next:

    steps:  # head of `steps`          behind a key whose value is longer
      # before `- id`                  above an entry
      - id: a  # tail of `id`          behind a value
        # after the mapping of `a`     below the last entry, and indented like it
    # before `name`
    name: b

The tree may be changed. `Branch.flow` says that a collection stands in brackets; one that has a comment inside stays a
`Leaf`, with its text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from osiris_dagster.oml.compose import parser_events

_COMMENT = re.compile(r"(?:^|(?<=[\s\]},\[{]))#[^\n]*", re.MULTILINE)
_PROPERTIES = re.compile(r"(?:[&!][^\s,\[\]{}]*\s*)+")

_SCALARS, _MAPPINGS = (yaml.ScalarEvent,), (yaml.MappingStartEvent,)


@dataclass(slots=True)
class Leaf:
    """A scalar, an alias or a collection that is kept as it is: its text, and the column of the entry it stood in."""

    text: str
    column: int = 0
    style: str = ""  # the quote of a quoted scalar, `|` or `>`


@dataclass(slots=True)
class Branch:
    """A mapping or a list. `properties` is its anchor and tag, `after` the comments below its last entry."""

    is_map: bool
    flow: bool = False
    properties: str = ""
    entries: list[Entry] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    after_begin: int = -1  # offset of the line on which they begin
    column: int = 0


Node = Leaf | Branch


@dataclass(slots=True)
class Entry:
    """A key with its value, or an item of a list, whose key is empty.

    `before` holds the comments and blank lines above, `head` the comment behind the key of a longer value, `tail` the
    one behind the value, each with the spaces before it.
    """

    key: str
    value: Node
    before: list[str] = field(default_factory=list)
    head: str = ""
    tail: str = ""
    column: int = 0
    begin: int = 0  # offset of the line on which the entry, or what stands above it, begins


@dataclass(slots=True)
class Tree:
    """The root, what stands above its first entry, and whether entries may change places."""

    root: Branch
    prefix: str
    anchored: bool = False


def read_tree(text: str) -> Tree:
    """Return the tree of a text that is one mapping and in which `compose` finds no fault; LF as line breaks."""
    return _Reader(text).read()


def comments(text: str) -> list[str]:
    """Return the comments of a text, sorted: what a change of layout must not lose.

    A # inside a scalar is text, so only what lies between scalars is searched, and the first line of a block scalar.
    """
    covered = [
        (event.start_mark.index, event.end_mark.index) for event in parser_events(text) if type(event) in _SCALARS
    ]
    found, begin = [], 0
    for start, end in (*covered, (len(text), len(text))):
        found += [match[0].rstrip() for match in _COMMENT.finditer(text[begin:start])]
        if text[start : start + 1] in ("|", ">"):
            found += [match[0].rstrip() for match in _COMMENT.finditer(text[start:end].partition("\n")[0])]
        begin = max(begin, end)
    return sorted(found)


class _Reader:
    """One pass over the events; comments are taken from the gaps between what the events cover.

    Every token first hands out the gap before it (`_gap`), then moves `_read` to its own end: so no comment is lost or
    found twice. What a gap belongs to depends on what ended and began since the token before; `_closed` and `_opened`
    collect that, the innermost branch and the outermost entry first.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._events = parser_events(text)
        self._read = 0  # up to here the text is in the tree
        self._last: Entry | None = None  # the entry of the token before
        self._on_key = False  # that token was its key
        self._opened: list[Entry] = []  # entries that begin with the next token
        self._closed: list[Branch] = []  # branches that ended since the token before
        self._anchored = False

    def read(self) -> Tree:
        for event in self._events:
            if type(event) in _MAPPINGS:
                break
        else:
            raise ValueError("not a mapping")
        prefix_end = event.start_mark.index
        self._read = prefix_end
        properties = self._properties(event)
        root = self._branch(event, is_map=True, column=0, properties=properties)
        if root.flow:  # a branch in brackets does not say that it has ended, but what is left of the text is its own
            self._opened, self._closed, self._last = [], [root], None
        first = re.compile(r"[^\n]*\Z").search(self._text[:prefix_end])
        prefix = self._text[: first.start() if first and not first[0].strip() else prefix_end]
        self._gap(len(self._text), None)
        return Tree(root, prefix, self._anchored)

    def _branch(self, start: Any, *, is_map: bool, column: int, properties: str = "") -> Branch:
        branch = Branch(is_map, bool(start.flow_style), properties, column=column)
        for event in self._events:
            if type(event) in (yaml.MappingEndEvent, yaml.SequenceEndEvent):
                if branch.flow:
                    self._read = event.end_mark.index
                else:
                    self._closed.append(branch)
                return branch
            entry = Entry("", Leaf(""), column=event.start_mark.column)
            branch.entries.append(entry)
            self._opened.append(entry)
            if is_map:
                entry.key = self._token(event, entry, on_key=True).text
            elif not branch.flow:
                entry.column = column
            entry.value = self._node(next(self._events) if is_map else event, entry)
        raise ValueError("the text ends inside a collection")

    def _node(self, event: Any, entry: Entry) -> Node:
        if type(event) not in (yaml.MappingStartEvent, yaml.SequenceStartEvent):
            return self._token(event, entry, on_key=False)
        is_map = type(event) is yaml.MappingStartEvent
        properties = self._properties(event)
        if not event.flow_style:
            return self._branch(event, is_map=is_map, column=event.start_mark.column, properties=properties)
        self._gap(event.start_mark.index, entry)
        self._read = begin = event.start_mark.index
        branch = self._branch(event, is_map=is_map, column=event.start_mark.column, properties=properties)
        # From outside, brackets are one token: what began or ended in them has no claim to the next gap.
        self._opened, self._closed, self._last, self._on_key = [], [], entry, False
        text = self._text[begin : self._read]
        if "#" in text and len(comments(f"{text}\n")):
            return Leaf(text, entry.column)
        return branch

    def _token(self, event: Any, entry: Entry, *, on_key: bool) -> Leaf:
        begin, end = event.start_mark.index, event.end_mark.index
        self._anchored |= bool(getattr(event, "anchor", None))
        style = getattr(event, "style", None) or ""
        if begin == end:  # an empty value stands right behind its key, which stays the token before
            return Leaf("", entry.column)
        self._gap(begin, entry)
        self._read, self._last, self._on_key = end, entry, on_key
        if style in ("|", ">"):  # the parser counts the blank lines below to the scalar; they are part of the gap
            text = self._text[begin:end]
            kept = "+" in text.partition("\n")[0].partition("#")[0]  # its blank lines belong to it
            self._read = begin + len(text.removesuffix("\n") if kept else text.rstrip("\n"))
        return Leaf(self._text[begin:end], entry.column, style)

    def _properties(self, event: Any) -> str:
        self._anchored |= bool(event.anchor)
        match = _PROPERTIES.match(self._text, event.start_mark.index) if event.anchor or event.tag else None
        return match[0].strip() if match else ""

    def _gap(self, end: int, entry: Entry | None) -> None:
        """Give the comments and blank lines between the token before and the one at `end` to their entries.

        The rest of the first line belongs to the token before. Each comment on a line of its own is either part of a
        branch that has just ended, or stands above the entry that follows. It is part of a branch when it is indented
        at least like that branch (the innermost such one gets it) and deeper than the entry that follows; at the end of
        the text nothing follows. From the first comment above the following entry on, all are above it, however they
        are indented: comments keep their order. Blank lines are counted as one and go with the comment below them.

        `entry` is the entry of the token at `end`, None at the end of the text. `at` is the offset of `line`; it has to
        move for every line, also for those without anything, as `begin` and `after_begin` are cut at by edits.
        """
        begun, ended = self._opened, self._closed
        self._opened, self._closed = [], []
        at, gap = self._read, self._text[self._read : end]
        if self._last is not None:
            first, _, gap = gap.partition("\n")
            self._inline(first)
            at += len(first) + 1
        following = begun[0] if begun else entry
        lines = gap.split("\n")
        begin, blank = -1, -1  # where what belongs to the following entry begins; the first blank line before that
        for line in lines if entry is None else lines[:-1]:
            match = _COMMENT.search(line)
            home = next((branch for branch in ended if match and branch.column <= match.start()), None)
            outside = following is None or (match is not None and home is not None and match.start() > following.column)
            if match is None:
                blank = at if blank < 0 and not line.strip() else blank
            elif begin < 0 and outside:
                owner = home or ended[-1]
                owner.after += [*([""] if blank >= 0 else []), match[0].rstrip()]
                owner.after_begin = owner.after_begin if owner.after_begin >= 0 else (blank if blank >= 0 else at)
                blank = -1
            elif following is not None:
                begin = begin if begin >= 0 else (blank if blank >= 0 else at)
                following.before += [*([""] if blank >= 0 else []), match[0].rstrip()]
                blank = -1
            at += len(line) + 1
        if following is not None and blank >= 0:
            following.before.append("")
            begin = begin if begin >= 0 else blank
        for opened in begun:
            opened.begin = begin if begin >= 0 else self._text.rfind("\n", 0, end) + 1

    def _inline(self, rest: str) -> None:
        """Give the comment behind the token before to its entry."""
        if self._last is None or (match := _COMMENT.search(rest)) is None:
            return
        note = rest[len(rest[: match.start()].rstrip(" ")) :].rstrip()
        if self._on_key:
            self._last.head = note
        else:
            self._last.tail = note
