"""The canonical layout of a sound document: order of keys, indentation, brackets. Keeps comments.

The result is read again, and is used only if it is the same data with the same comments (`same_meaning`): what this
module does wrong can make `fmt` leave a file alone, but not change what it says.

The order of keys is that of the reference; an unknown key keeps its place among its like. Lists in a mapping are
indented by two, comments keep their distance of two spaces or more, and at most one blank line stands in a row. A
collection in brackets stays on its line when it fits, else it is written out. Scalars stay as they are written.
"""

from __future__ import annotations

from collections.abc import Sequence

from osiris_dagster.oml.compose import compose
from osiris_dagster.oml.document import Document
from osiris_dagster.oml.keys import PLACES
from osiris_dagster.oml.keys.key import UNKNOWN
from osiris_dagster.oml.tree import Branch, Entry, Leaf, Node, comments, read_tree

WIDTH = 120


class MeaningChanged(ValueError):  # noqa: N818 - an outcome that callers report, not an error of the product
    """The text cannot be laid out without a change of meaning or the loss of a comment."""


def formatted(document: Document) -> str:
    """Return the text in canonical layout; `document` is whole, without faults, and a mapping.

    MeaningChanged when the result would not be the same document with the same comments.
    """
    if not document.value:
        return document.text
    breaks = "\r\n" if "\r\n" in document.text else "\n"
    text = document.text.replace("\r\n", "\n").replace("\r", "\n")
    tree = read_tree(text)
    prefix = "\n".join(line.rstrip() for line in tree.prefix.split("\n"))
    # An alias has to stay behind its anchor: without a path no keys change places.
    lines = _map_lines(tree.root, 0, () if tree.anchored else ("",))
    result = prefix + "\n".join(lines).strip("\n") + "\n"
    # A text that ends without a line break can end in a scalar that would take up a new one.
    for candidate in (result, result.removesuffix("\n")):
        if same_meaning(text, candidate, document.file):
            return candidate.replace("\n", breaks)
    raise MeaningChanged(document.file)


def same_meaning(before: str, after: str, file: str) -> bool:
    """Tell whether two texts are the same data with the same comments."""
    old, new = compose(before, file), compose(after, file)
    return (
        new.whole and not new.faults and _typed(old.value) == _typed(new.value) and comments(before) == comments(after)
    )


def _typed(value: object) -> object:
    """Return data in which 1, 1.0 and true differ."""
    if isinstance(value, dict):
        return {key: _typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_typed(item) for item in value]
    return (type(value), value)


def entry_lines(entry: Entry, indent: int, path: Sequence[str] = ()) -> list[str]:
    """Return the lines of one entry of a mapping or list at that indentation; `path` has the keys above it.

    There are four forms, tried in this order:

        key: value  # tail                on one line, if it can be and fits; a scalar need not fit
        key: |  # note                    a scalar of several lines, or brackets with a comment in them: as written
        key: &anchor  # head              a collection, its entries below
        - id: a                           a collection in a list: its first entry joins the dash, unless an anchor or
          run: b                          a comment is in the way; lines are indented by two, the width of the dash

    A comment behind a dash, and the second of two behind a key and its value, move above what is written below.
    """
    pad = " " * indent
    lines = [pad + note if note else "" for note in entry.before]
    lead = f"{pad}{entry.key}:" if entry.key else f"{pad}-"
    value = entry.value
    room = WIDTH - len(lead) - 1
    one = _one_line(value, path)
    if one is not None and (isinstance(value, Leaf) or not value.entries or len(one) <= room):
        return [*lines, (f"{lead} {one}" if one else lead) + _spaced(entry.head) + _spaced(entry.tail)]
    if isinstance(value, Leaf):
        first, *rest = _reindented(value, indent)
        rest[-1:] = [rest[-1] + _spaced(entry.tail)] if value.style not in ("|", ">") else rest[-1:]
        return [*lines, f"{lead} {first}{_spaced(entry.head)}", *rest]
    below = _map_lines(value, indent + 2, path) if value.is_map else _list_lines(value, indent + 2, path)
    notes = _spaced(entry.head) or _spaced(entry.tail)
    if entry.head and entry.tail:
        lines.append(pad + entry.tail.strip())
    if notes and not entry.key:  # behind a dash it would stand apart from everything
        lines.append(pad + notes.strip())
        notes = ""
    if entry.key or value.properties or notes or not below or below[0].lstrip().startswith("#"):
        return [*lines, lead + (f" {value.properties}" if value.properties else "") + notes, *below]
    return [*lines, f"{lead} {below[0].lstrip()}", *below[1:]]


def _map_lines(branch: Branch, indent: int, path: Sequence[str]) -> list[str]:
    return _lines(branch, _in_order(branch, path), indent, path)


def _list_lines(branch: Branch, indent: int, path: Sequence[str]) -> list[str]:
    return _lines(branch, branch.entries, indent, path)


def _lines(branch: Branch, entries: list[Entry], indent: int, path: Sequence[str]) -> list[str]:
    lines = [line for entry in entries for line in entry_lines(entry, indent, _below(path, entry))]
    lines += [" " * indent + note if note else "" for note in branch.after]
    return lines if lines[:1] != [""] else lines[1:]


def _below(path: Sequence[str], entry: Entry) -> Sequence[str]:
    return (*path, entry.key.strip("'\"") or "-") if path else ()


def _in_order(branch: Branch, path: Sequence[str]) -> list[Entry]:
    """Return the entries in the order of keys for that place; `path` begins with the empty text of the root."""
    keys = PLACES.get(tuple(path[1:])) if path and branch.is_map else None
    if keys is None:
        return branch.entries
    lines = {name: key.line for name, key in keys.items()}
    return sorted(branch.entries, key=lambda entry: lines.get(entry.key.strip("'\""), UNKNOWN))


def _one_line(node: Node, path: Sequence[str]) -> str | None:
    """Return a node on one line; None where it has to go over several, and for collections that are written out."""
    if isinstance(node, Leaf):
        return None if "\n" in node.text.rstrip("\n") or node.style in ("|", ">") else node.text
    if not node.flow:
        return None
    parts = []
    for entry in _in_order(node, path):
        value = _one_line(entry.value, _below(path, entry))
        if value is None or entry.before or entry.head or entry.tail or "\n" in entry.key:
            return None
        parts.append(f"{entry.key}: {value or 'null'}" if node.is_map else value)
    inside = ", ".join(parts)
    lead = f"{node.properties} " if node.properties else ""
    return lead + (f"{{{inside}}}" if node.is_map else f"[{inside}]")


def _spaced(note: str) -> str:
    return f"{' ' * max(len(note) - len(note.lstrip()), 2)}{note.strip()}" if note else ""


def _reindented(leaf: Leaf, indent: int) -> list[str]:
    """Return the lines of a text of several lines, the first without what stands before it.

    In plain and quoted scalars and in brackets the spaces that a line begins with mean nothing, as long as it is
    indented. In a block scalar they are text from its indentation on, which is that of its first line with letters, or
    the one that its header says (`|2`: so much deeper than the entry): all lines move by the same number of columns.
    """
    first, *rest = leaf.text.rstrip("\n").split("\n")
    if leaf.style not in ("|", ">"):
        return [first.rstrip(), *(" " * (indent + 2) + line.strip() if line.strip() else "" for line in rest)]
    header = first.partition("#")[0]
    if "+" in header:  # blank lines at the end belong to the text
        first, *rest = leaf.text.removesuffix("\n").split("\n")
    explicit = next((int(char) for char in header if char.isdigit()), 0)
    old = leaf.column + explicit if explicit else _indentation(rest)
    new = indent + (explicit or 2)
    return [first.rstrip(), *(" " * new + line[old:] if len(line) > old else "" for line in rest)]


def _indentation(lines: list[str]) -> int:
    return next((len(line) - len(line.lstrip(" ")) for line in lines if line.strip(" ")), 0)
