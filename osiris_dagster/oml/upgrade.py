"""A document of an older shape in, the same pipeline as OML 0.2.0 out, with its comments; and what was changed.

Known are the oldest shape (`sources` and `sinks` with `options`), the names between (`uses`, `with`, `mysql.table`,
`merge_keys`, `input_df`) and OML 0.1. What has no counterpart stays, and `validate` speaks about it. A step that is as
it should be stays byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass

from osiris_dagster.oml.compose import compose
from osiris_dagster.oml.document import Document
from osiris_dagster.oml.keys import DOCUMENT
from osiris_dagster.oml.layout import MeaningChanged, entry_lines, formatted
from osiris_dagster.oml.model import VERSIONS
from osiris_dagster.oml.old_steps import renewed_step
from osiris_dagster.oml.tree import Branch, Entry, Leaf, Tree, comments, read_tree

NEWEST = VERSIONS[-1]
_OLD_LISTS = {
    "sources": "read",
    "extractors": "read",
    "tasks": "",
    "transforms": "transform",
    "transformations": "transform",
    "sinks": "write",
    "writers": "write",
}
"""Lists of earlier shapes, in the order of the work -> the mode of their items; without one the item says it."""


@dataclass(frozen=True, slots=True)
class Upgraded:
    """The new text and, in words, each change; no changes mean that the text is the old one."""

    text: str
    changes: tuple[str, ...]


def upgrade(document: Document) -> Upgraded:
    """Return the document as OML 0.2.0; it is whole, without faults, and a mapping. Idempotent.

    MeaningChanged when a comment would be lost or the result could not be read.
    """
    breaks = "\r\n" if "\r\n" in document.text else "\n"
    text = document.text.replace("\r\n", "\n").replace("\r", "\n")
    tree = read_tree(text)
    if tree.root.flow:  # as JSON is
        done = upgrade(compose(formatted(document), document.file))
        return done if done.changes else Upgraded(document.text, ())
    changes: list[str] = []
    edits = _Edits(text, tree)
    _steps(tree, edits, changes)
    _version(tree, edits, changes)
    result = edits.text()
    if not changes:
        return Upgraded(document.text, ())
    new = compose(result, document.file)
    if not new.whole or new.faults:
        raise MeaningChanged(document.file)
    kept = "\n".join(comments(result))  # a comment may have become a part of one
    if any(comment not in kept for comment in comments(text)):
        raise MeaningChanged(document.file)
    return Upgraded(result.replace("\n", breaks), tuple(changes))


class _Edits:
    """Entries to print anew or to leave out; the text between them stays."""

    def __init__(self, text: str, tree: Tree) -> None:
        self._text = text
        self._tree = tree
        self._parts: list[tuple[int, int, str]] = []

    def replace(self, siblings: list[Entry], entry: Entry, end: int, lines: list[str]) -> None:
        """Put lines in the place of an entry, which goes up to its next sibling or, for the last one, up to `end`."""
        index = siblings.index(entry)
        stop = siblings[index + 1].begin if index + 1 < len(siblings) else end
        self._parts.append((entry.begin, stop, "".join(f"{line}\n" for line in lines)))

    def insert(self, entry: Entry, lines: list[str]) -> None:
        """Put lines before an entry."""
        self._parts.append((entry.begin, entry.begin, "".join(f"{line}\n" for line in lines)))

    def end_of(self, entry: Entry) -> int:
        """Return where a top-level entry ends."""
        entries = self._tree.root.entries
        index = entries.index(entry)
        below = self._tree.root.after_begin
        return entries[index + 1].begin if index + 1 < len(entries) else below if below >= 0 else len(self._text)

    def text(self) -> str:
        """Return the text with the parts in their places."""
        pieces, read = [], 0
        for begin, stop, part in sorted(self._parts):
            pieces += [self._text[read:begin], part]
            read = stop
        return "".join([*pieces, self._text[read:]])


def _steps(tree: Tree, edits: _Edits, changes: list[str]) -> None:
    """Bring every step into the present form; lists of earlier shapes become one list of steps."""
    root = tree.root
    lists = [entry for entry in root.entries if _key(entry) in _OLD_LISTS and _is_list(entry)]
    steps = next((entry for entry in root.entries if _key(entry) == "steps" and _is_list(entry)), None)
    if not lists:
        if steps is not None:
            _renew_in_place(steps, edits, changes)
        return
    first, *others = sorted([*lists, *([steps] if steps else [])], key=lambda entry: entry.begin)
    for other in others:
        _keep_notes(other, first)
    joined = _joined(lists, steps, changes)
    entry = Entry("steps", joined, first.before, first.head, first.tail)
    edits.replace(root.entries, first, edits.end_of(first), entry_lines(entry, 0, ("", "steps")))
    for other in others:
        edits.replace(root.entries, other, edits.end_of(other), [])
    changes.append(f"{' and '.join(f'`{_key(entry)}`' for entry in lists)} became `steps`")


def _keep_notes(gone: Entry, first: Entry) -> None:
    """Give the comments of a list that goes up in `steps` to its first item; to the whole list when it is empty."""
    assert isinstance(gone.value, Branch)
    notes = [note for note in (*gone.before, gone.head.strip(), gone.tail.strip()) if note]
    heir = gone.value.entries[0] if gone.value.entries else first
    heir.before = [*notes, *heir.before]


def _renew_in_place(steps: Entry, edits: _Edits, changes: list[str]) -> None:
    assert isinstance(steps.value, Branch)
    items = steps.value.entries
    flow = steps.value.flow
    before = len(changes)
    ids = [_id(item) for item in items]
    touched = [
        item for item, previous in zip(items, ["", *ids], strict=False) if _renew(item, "", previous, ids, changes)
    ]
    if flow and len(changes) > before:
        edits.replace([steps], steps, edits.end_of(steps), entry_lines(steps, 0, ("", "steps")))
        return
    for item in touched:
        lines = entry_lines(item, item.column, ("", "steps", "-"))
        if item is items[-1]:  # comments below the last step belong to the list
            lines += [" " * item.column + note if note else "" for note in steps.value.after]
        edits.replace(items, item, edits.end_of(steps), lines)


def _joined(lists: list[Entry], steps: Entry | None, changes: list[str]) -> Branch:
    """Return one list of steps: those that read, then the steps, then those that write, each in its order."""
    ranks = {key: rank for rank, key in enumerate(_OLD_LISTS)}
    found: dict[str, list[Entry]] = {"read": [], "": [], "write": []}
    after: list[str] = []
    for entry in sorted([*lists, *([steps] if steps else [])], key=lambda e: ranks.get(_key(e), ranks["transforms"])):
        mode = _OLD_LISTS.get(_key(entry), "")
        assert isinstance(entry.value, Branch)
        for item in entry.value.entries:
            _renew(item, mode, "", [], changes)
            found["read" if mode == "read" else "write" if mode == "write" else ""].append(item)
        after += entry.value.after
    _wire(found["read"], found[""], found["write"])
    return Branch(is_map=False, entries=[*found["read"], *found[""], *found["write"]], after=after)


def _wire(sources: list[Entry], steps: list[Entry], sinks: list[Entry]) -> None:
    """Say in `needs` what the earlier shape left open, where there is only one way to read it."""
    for item in sources[1:]:
        _need(item, "[]")
    for item in sinks:
        if not steps and len(sources) == 1:
            _need(item, f"[{_id(sources[0])}]")
        elif steps:
            _need(item, f"[{_id(steps[-1])}]")


def _need(item: Entry, needs: str) -> None:
    if isinstance(item.value, Branch) and not any(_key(entry) == "needs" for entry in item.value.entries):
        item.value.entries.append(Entry("needs", Leaf(needs)))


def _renew(item: Entry, mode: str, previous: str, ids: list[str], changes: list[str]) -> bool:
    """Bring one step into the present form; tell whether anything changed."""
    if not isinstance(item.value, Branch) or not item.value.is_map:
        return False
    made = renewed_step(item.value, mode, previous, ids)
    name = _id(item)
    changes += [f"step {name or '?'}: {change}" for change in made]
    return bool(made)


def _version(tree: Tree, edits: _Edits, changes: list[str]) -> None:
    """Say that the document is 0.2.0; a schedule, which 0.1 never followed, becomes a comment so as not to start."""
    entries = tree.root.entries
    named = {_key(entry): entry for entry in entries}
    old = next((named[key] for key in DOCUMENT["oml_version"].formerly.split() if key in named), None)
    current = named.get("oml_version")
    if current is not None and not _is_older(current):
        return
    entry = current or old
    if entry is not None and isinstance(entry.value, Leaf):
        before = entry.value.text
        entry.key, entry.value = "oml_version", Leaf(f'"{NEWEST}"')
        edits.replace(entries, entry, edits.end_of(entry), entry_lines(entry, 0))
        changes.append(f"oml_version is {NEWEST} instead of {before}")
    elif entry is None and entries:
        first = Entry("oml_version", Leaf(f'"{NEWEST}"'))
        edits.insert(entries[0], entry_lines(first, 0))
        changes.append(f"oml_version is {NEWEST}")
    schedule = named.get("schedule")
    if schedule is not None:
        lines = entry_lines(schedule, 0)
        notes = sum(1 for note in schedule.before)
        commented = [*lines[:notes], *(f"# {line}" for line in lines[notes:])]
        edits.replace(entries, schedule, edits.end_of(schedule), commented)
        changes.append("`schedule` became a comment: OML 0.1 never started anything by it, 0.2 would")


def _is_older(version: Entry) -> bool:
    """Tell whether a version is an earlier one, or the newest in another spelling; one that is not known is neither."""
    text = version.value.text.strip("'\"") if isinstance(version.value, Leaf) else ""
    spelt = f"{text.removeprefix('v')}."
    return text != NEWEST and any(spelt.startswith(known.removesuffix("0")) for known in VERSIONS)


def _key(entry: Entry) -> str:
    return entry.key.strip("'\"")


def _is_list(entry: Entry) -> bool:
    return isinstance(entry.value, Branch) and not entry.value.is_map


def _id(item: Entry) -> str:
    entries = item.value.entries if isinstance(item.value, Branch) else []
    found = next((entry.value for entry in entries if _key(entry) == "id"), None)
    return found.text if isinstance(found, Leaf) else ""
