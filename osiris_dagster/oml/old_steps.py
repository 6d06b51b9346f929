"""One step of an older shape, as a tree, brought into the present form in place; what was changed comes out."""

from __future__ import annotations

import re

from osiris_dagster.oml.compose import compose
from osiris_dagster.oml.edits import in_brackets, scalar_text
from osiris_dagster.oml.graph import table_names
from osiris_dagster.oml.keys import STEP
from osiris_dagster.oml.sql_text import written_uses
from osiris_dagster.oml.tree import Branch, Entry, Leaf

_MODES = {"extract": "read", "source": "read", "load": "write", "sink": "write"}
_ROLES = {"read": "extractor", "write": "writer"}
_FAMILIES = ("mysql", "supabase", "postgres", "duckdb")
_FILES = {"csv": "filesystem.csv", "filesystem.csv": "filesystem.csv", "parquet": "filesystem.parquet"}
_OPTIONS = {"merge_keys": "primary_key", "upsert_keys": "primary_key", "create_table": "create_if_missing"}
_WRITE_MODES = {"merge": "upsert", "truncate": "replace"}
_OLD_TABLE = re.compile(r"\binput_df\b", re.IGNORECASE)
_OLD_TABLE_DEFINED = re.compile(r"\binput_df\s+as\s*\(|\bas\s+input_df\b", re.IGNORECASE)


def renewed_step(step: Branch, mode: str, previous: str, ids: list[str]) -> list[str]:
    """Bring a step into the present form.

    `mode` is what its list says about it, `previous` the id of the step before, `ids` has those of all steps.
    """
    return [
        *_keys(step),
        *_config(step),
        *_mode(step, mode),
        *_component(step),
        *_options(step),
        *_query(step, previous, ids),
    ]


def _keys(step: Branch) -> list[str]:
    names = sorted(STEP, key=lambda name: (name == "id", name))  # the id last: it is what the changes are told of
    return [
        _rename(step, old, new)
        for new in names
        for old in STEP[new].formerly.split()
        if _find(step, old) and not _find(step, new)
    ]


def _config(step: Branch) -> list[str]:
    """`options` and a connection beside them move into `config`, and so do options inside of it."""
    changes = []
    options = _find(step, "options")
    config = _find(step, "config")
    if options is not None and isinstance(options.value, Branch) and options.value.is_map:
        if config is None:
            changes.append(_rename(step, "options", "config"))
            config = options
        elif isinstance(config.value, Branch):
            changes += _splice(step, options, config.value, "options")
    connection = _find(step, "connection")
    if connection is not None:
        if config is None:
            config = Entry("config", Branch(is_map=True))
            step.entries.append(config)
        if isinstance(config.value, Branch) and not _find(config.value, "connection"):
            step.entries.remove(connection)
            config.value.entries.insert(0, connection)
            if config.value.flow and isinstance(connection.value, Leaf):
                connection.value.text = in_brackets(connection.value.text)
            changes.append("`connection` moved into `config`")
    if config is not None and isinstance(config.value, Branch):
        inner = _find(config.value, "options")
        if inner is not None and isinstance(inner.value, Branch) and inner.value.is_map:
            changes += _splice(config.value, inner, config.value, "config.options")
    return changes


def _splice(home: Branch, options: Entry, config: Branch, what: str) -> list[str]:
    """Move the entries of `options` to `config`, with the comments; nothing when both have a key of one name."""
    assert isinstance(options.value, Branch)
    if any(_find(config, _name(entry)) for entry in options.value.entries):
        return []
    notes = [*options.before, *([options.head.strip()] if options.head else [])]
    entries = options.value.entries
    if entries:
        entries[0].before = [*notes, *entries[0].before]
    home.entries.remove(options)
    config.entries += entries
    config.flow = config.flow and options.value.flow
    config.after += options.value.after
    return [f"`{what}` is now `config` itself"]


def _mode(step: Branch, mode: str) -> list[str]:
    entry = _find(step, "mode")
    if entry is not None:
        return _revalue(entry, _MODES, "mode")
    if not mode:
        return []
    step.entries.append(Entry("mode", Leaf(mode)))
    return [f"mode: {mode}"]


def _component(step: Branch) -> list[str]:
    """`mysql.table` and the like stood for both directions; now the mode says which of two components it is."""
    entry, mode = _find(step, "component"), _find(step, "mode")
    if entry is None or mode is None:
        return []
    role = _ROLES.get(_text(mode), "")
    old = _text(entry)
    family, _, kind = old.partition(".")
    new = ""
    if role and kind == "table" and family in _FAMILIES:
        new = f"{family}.{role}"
    elif role and old in _FILES:
        new = f"{_FILES[old]}_{role}"
    return _revalue(entry, {old: new}, "component") if new else []


def _options(step: Branch) -> list[str]:
    config = _find(step, "config")
    if config is None or not isinstance(config.value, Branch) or not config.value.is_map:
        return []
    options = config.value
    mode = _find(step, "mode")
    writes = mode is not None and _text(mode) == "write"
    renamed = {**_OPTIONS, **({"mode": "write_mode"} if writes else {})}
    changes = [
        _rename(options, old, new, within="config.")
        for old, new in renamed.items()
        if (found := _find(options, old)) and not _find(options, new) and not _several(found)
    ]
    truncate = _find(options, "truncate_before")
    if truncate is not None and _text(truncate) in ("true", "false"):
        changes += _truncate(options, truncate)
    write_mode = _find(options, "write_mode")
    return changes + (_revalue(write_mode, _WRITE_MODES, "config.write_mode") if write_mode else [])


def _several(entry: Entry) -> bool:
    """Tell whether a text holds several names, which the option of today would take for one."""
    return isinstance(entry.value, Leaf) and not entry.value.text.startswith("[") and "," in entry.value.text


def _truncate(options: Branch, truncate: Entry) -> list[str]:
    """`truncate_before: true` emptied the table first: the write mode replace."""
    write_mode = _find(options, "write_mode")
    if _text(truncate) == "true" and write_mode is not None and _text(write_mode) != "append":
        return []
    index = options.entries.index(truncate)
    options.entries.remove(truncate)
    if _text(truncate) == "false":
        _keep_notes(options, index, truncate)
        return ["`config.truncate_before: false` is what happens anyway"]
    if write_mode is not None:
        write_mode.value = Leaf("replace")
        _keep_notes(options, index, truncate)
    else:
        kept = Entry("write_mode", Leaf("replace"), truncate.before, truncate.head, truncate.tail)
        options.entries.insert(index, kept)
    return ["`config.truncate_before: true` became write_mode: replace"]


def _keep_notes(options: Branch, index: int, gone: Entry) -> None:
    notes = [note for note in (*gone.before, gone.head.strip(), gone.tail.strip()) if note]
    if index < len(options.entries):
        options.entries[index].before = [*notes, *options.entries[index].before]
    else:
        options.after = [*notes, *options.after]


def _query(step: Branch, previous: str, ids: list[str]) -> list[str]:
    """`input_df` was the table of a step's only input."""
    config = _find(step, "config")
    query = _find(config.value, "query") if config is not None and isinstance(config.value, Branch) else None
    if query is None or not isinstance(query.value, Leaf) or not _OLD_TABLE.search(query.value.text):
        return []
    needs = _find(step, "needs")
    inputs = _ids(needs) if needs is not None else [previous] if previous else []
    if len(inputs) != 1 or _OLD_TABLE_DEFINED.search(query.value.text):
        return []
    table = table_names(inputs[0], dict.fromkeys([*ids, *inputs]))[0]
    text = query.value.text
    uses = written_uses(_OLD_TABLE, text, _value(text), "duckdb")
    for use in reversed(uses):
        text = text[: use.start()] + table + text[use.end() :]
    query.value.text = text
    if not uses:
        return []  # in literals and comments, or written in a way that hides where they are
    return [f"`input_df` is now `{table}`"]


def _value(scalar: str) -> str:
    """Return the text that a scalar of YAML means; an empty one where it cannot be read alone, as an alias."""
    value = compose(f"x: {scalar}\n", "").value
    return str(value.get("x") or "") if isinstance(value, dict) else ""


def _ids(needs: Entry) -> list[str]:
    if isinstance(needs.value, Leaf):
        return [_text(needs).strip("[] ")] if needs.value.text.strip("[] ") else []
    return [entry.value.text.strip("'\"") for entry in needs.value.entries if isinstance(entry.value, Leaf)]


def _rename(branch: Branch, old: str, new: str, within: str = "") -> str:
    entry = _find(branch, old)
    assert entry is not None
    entry.key = new
    return f"`{within}{old}` is now `{new}`"


def _revalue(entry: Entry, values: dict[str, str], what: str) -> list[str]:
    old = _text(entry)
    if old not in values or not isinstance(entry.value, Leaf):
        return []
    entry.value = Leaf(scalar_text(values[old]))
    return [f"{what} is {values[old]} instead of {old}"]


def _find(branch: Branch, key: str) -> Entry | None:
    return next((entry for entry in branch.entries if _name(entry) == key), None)


def _name(entry: Entry) -> str:
    return entry.key.strip("'\"")


def _text(entry: Entry) -> str:
    return entry.value.text.strip("'\"") if isinstance(entry.value, Leaf) else ""
