"""Secrets written into a document: where they stand. What counts as one is said by the specs and by field names."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from osiris_dagster.oml.document import Path
from osiris_dagster.oml.params import has_reference
from osiris_dagster.redaction import secret_shapes
from osiris_dagster.specs.catalogue import Catalogue
from osiris_dagster.specs.model import ComponentSpec
from osiris_dagster.specs.secrets import is_secret_name, unescaped

Kind = Literal["literal", "parameter", "dsn", "form", "known"]
_FORMS = frozenset({"private key", "access token"})
_SHORTEST_FORM = 20
_SHORTEST_KNOWN = 6

_VARIABLE = re.compile(r"\$\{(?!params\.)[A-Za-z_][A-Za-z0-9_.]*(?::-)?\}")
_REFERENCE = re.compile(r"@[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)?")
_URL_PASSWORD = re.compile(r"://[^\s/:@'\"]*:(?P<password>[^\s/@'\"]+)@")
_SEPARATOR = r"(?:^|[\s;,'\"?&])"
_KEYWORD_PASSWORD = re.compile(_SEPARATOR + r"(?:password|passwd|pwd)\s?=\s?(?P<password>[^\s;,&]+)", re.IGNORECASE)
_KEYWORDS = re.compile(_SEPARATOR + r"(?:host|hostaddr|server|dbname|database|user|uid|data source)\s?=", re.IGNORECASE)


class InlineSecret(NamedTuple):
    """A secret in the text: where, what it holds, and why it counts as one."""

    path: Path
    value: str
    kind: Kind


def inline_secrets(
    document: Mapping[str, Any], catalogue: Catalogue, known: Collection[str] = ()
) -> Iterator[InlineSecret]:
    """Yield the secrets of a document: by the names of fields, by the form of texts, and where a known one stands."""
    named = list(_by_name(document, catalogue))
    yield from named
    told = {secret.path for secret in named}
    for path, text in _texts(document, ()):
        if path in told:
            continue
        if holds_known(text, known):
            yield InlineSecret(path, text, "known")
        elif len(text) >= _SHORTEST_FORM and _FORMS & set(secret_shapes(text)):
            yield InlineSecret(path, text, "form")


def holds_known(text: str, known: Collection[str]) -> bool:
    """Tell whether a secret of a connection stands in a text."""
    return any(value in text and _is_distinct(value) for value in known)


def _is_distinct(secret: str) -> bool:
    """Tell whether a secret can be told from ordinary text: `postgres` or `123456` stand in many an honest document."""
    return len(secret) >= _SHORTEST_KNOWN and not secret.isalpha() and not secret.isdecimal()


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(item, (*path, key))


def _by_name(document: Mapping[str, Any], catalogue: Catalogue) -> Iterator[InlineSecret]:
    for key, value in document.items():
        if key == "steps":
            for index, step in enumerate(value if isinstance(value, list) else ()):
                yield from _in_step(step, ("steps", index), catalogue)
        elif key in ("params", "profiles"):
            yield from _in_fields(value, (key,), deep=True)
        else:
            # In free text about a pipeline `key` is an ordinary word.
            yield from _in_fields({key: value}, (), deep=True, ordinary=("key",))


def _in_step(step: Any, path: Path, catalogue: Catalogue) -> Iterator[InlineSecret]:
    if not isinstance(step, dict):
        return
    component = step.get("component")
    spec = catalogue.get(component) if isinstance(component, str) else None
    for key, value in step.items():
        if key == "config" and isinstance(value, dict):
            yield from _in_config(value, (*path, key), spec)
        else:
            yield from _in_fields({key: value}, path, deep=True, ordinary=("key",))


def _in_config(config: Mapping[str, Any], path: Path, spec: ComponentSpec | None) -> Iterator[InlineSecret]:
    """Field names count at the top of a config; deeper only in fields that no spec declares: a mapping of column names
    to types, say, is free to have a column called `token`.
    """
    pointers = [tuple(unescaped(part) for part in p.split("/")[1:]) for p in spec.secrets] if spec else []
    declared = spec.config_schema.get("properties", {}) if spec else {}
    for key, value in config.items():
        named = [pointer[1:] for pointer in pointers if pointer[0] == key]
        if is_secret_name(key) or () in named:
            yield from _leaves(value, (*path, key))
        else:
            found = {secret.path: secret for secret in _in_fields(value, (*path, key), deep=key not in declared)}
            for pointer in named:
                found |= {s.path: s for s in _at_pointer(value, (*path, key), pointer)}
            yield from found.values()


def _at_pointer(value: Any, path: Path, pointer: tuple[str, ...]) -> Iterator[InlineSecret]:
    for part in pointer:
        if not isinstance(value, dict) or part not in value:
            return
        value, path = value[part], (*path, part)
    yield from _leaves(value, path)


def _in_fields(value: Any, path: Path, *, deep: bool, ordinary: tuple[str, ...] = ()) -> Iterator[InlineSecret]:
    """Yield secrets below a value: by the names of fields when `deep`, by the form of a text always."""
    if isinstance(value, str):
        if _has_password(value):
            yield InlineSecret(path, value, "dsn")
    elif isinstance(value, dict):
        for key, item in value.items():
            if deep and key not in ordinary and is_secret_name(key):
                yield from _leaves(item, (*path, key))
            else:
                yield from _in_fields(item, (*path, key), deep=deep, ordinary=ordinary)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _in_fields(item, (*path, index), deep=deep, ordinary=ordinary)


def _leaves(value: Any, path: Path) -> Iterator[InlineSecret]:
    """Yield the literals in a secret field. A mapping counts as a whole: its keys may be as secret as its values."""
    if isinstance(value, dict):
        texts = list(_all_texts(value))
        if path[0] in ("params", "profiles"):
            yield from _leaves(value.get("default"), (*path, "default"))
        elif texts:
            yield InlineSecret(path, "\n".join(texts), "literal")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))
    elif isinstance(value, str):
        if has_reference(value):
            yield InlineSecret(path, value, "parameter")
        elif _is_literal(value):
            yield InlineSecret(path, value, "literal")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield InlineSecret(path, str(value), "literal")


def _is_literal(text: str) -> bool:
    return bool(text) and not _VARIABLE.search(text) and not _REFERENCE.fullmatch(text)


def _all_texts(value: Any) -> Iterator[str]:
    """Yield keys and literals of a mapping that holds at least one literal."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in inner:
        if isinstance(item, dict | list):
            yield from _all_texts(item)
        elif isinstance(item, str) and _is_literal(item):
            yield from (str(key), item)
        elif isinstance(item, int | float) and not isinstance(item, bool):
            yield from (str(key), str(item))


def _has_password(text: str) -> bool:
    """Tell whether a text holds a connection string with a password in it."""
    if "://" in text and any(not _VARIABLE.fullmatch(found["password"]) for found in _URL_PASSWORD.finditer(text)):
        return True
    if "=" not in text:
        return False
    found = _KEYWORD_PASSWORD.search(text)
    return bool(found and not _VARIABLE.fullmatch(found["password"].strip("'\"")) and _KEYWORDS.search(text))
