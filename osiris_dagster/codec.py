"""Frozen dataclasses as JSON values and back, by their annotations: `to_json` and `from_json` are inverse.

A dataclass is an object with a key for each field, a tuple an array, a frozenset a sorted array, a Mapping an object;
text, numbers, None and whatever is declared as Any stand as they are. A field says what is different about it:
`metadata=json_key("from")` is its key, `metadata=SPARSE` leaves it out while it has its default. A class says it in
`JSON`: "array" has its fields in their order without keys, "value" is its only field. One with methods `to_json` and
`from_json` has a form of its own, and may use `fields_to_json` and `fields_from_json` for most of it.

How to change what is stored or sent: a field with a default may be added at any time, for a key that is absent has the
default and a key that is not known is passed over; so older and newer releases read one another. Everything else
is strict: a key without a default must be there, and each value be of its type. A change of what a key means is another
version (`stamped`), and an entry of another version is not read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
SPARSE: Mapping[str, Any] = {"json sparse": True}
_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false", NoneType: "null"}
_SHOWN = 40


class MalformedError(ValueError):
    """A JSON value that is not of the shape that was asked for; says where."""

    def __init__(self, problem: str, where: str = "") -> None:
        super().__init__(f"{where}: {problem}" if where else problem)
        self.problem, self.where = problem, where

    def within(self, part: str) -> MalformedError:
        """Return the same error as seen from one level further out."""
        rest = self.where if not self.where or self.where.startswith("[") else f".{self.where}"
        return MalformedError(self.problem, part + rest)


def json_key(key: str, *, sparse: bool = False) -> Mapping[str, Any]:
    """Return the metadata of a field that has another name in JSON."""
    return {"json key": key, "json sparse": sparse}


def to_json(value: Any) -> Any:
    """Return the JSON value of a dataclass, or of a tuple of some."""
    return [to_json(item) for item in value] if isinstance(value, tuple) else _form(type(value)).write(value)


def from_json(kind: type[T], value: Any) -> T:
    """Return the value of that type; MalformedError for another shape."""
    read: Callable[[Any], T] = _form(kind).read
    return read(value)


def stamped(value: Any, version: int) -> dict[str, Any]:
    """Return the JSON object of a dataclass together with the version of its shape."""
    return {"version": version, **to_json(value)}


def from_stamped(kind: type[T], value: Any, version: int) -> T | None:
    """Read back what `stamped` wrote; None where there is nothing of that version, MalformedError for another shape."""
    known = isinstance(value, Mapping) and value.get("version") == version
    return from_json(kind, value) if known else None


class _Form(NamedTuple):
    """Both directions of one type."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


class _Row(NamedTuple):
    """One field of a dataclass; `default` is MISSING where there is none."""

    name: str
    key: str
    sparse: bool
    default: Any
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def _form_of(kind: Any) -> _Form:
    """Compose both directions of a type, once for each type (`_form`): values pass without a look at annotations.

    Types outside of this list are refused when a class is first used, not when a value is odd.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return _Form(_same, _same)
    if kind in _WORDS:
        return _plain((kind,))
    if origin is Literal:
        return _literal(arguments)
    if origin in (Union, UnionType):
        return _union(arguments)
    if origin is tuple and arguments[1:] == (...,):
        return _array(_form(arguments[0]))
    if origin is tuple and set(arguments) <= set(_WORDS):
        return _row(arguments)
    if origin is frozenset:
        inner = _array(_form(arguments[0]))
        return _Form(lambda value: inner.write(sorted(value)), lambda value: frozenset(inner.read(value)))
    if origin is Mapping:
        return _mapping(_form(arguments[1]))
    if is_dataclass(kind):
        return _of_class(kind)
    raise TypeError(f"{kind} has no JSON form")


_form: Callable[[Any], _Form] = cache(_form_of)


def _same(value: Any) -> Any:
    return value


def _refuse(expected: str, value: Any) -> NoReturn:
    raise MalformedError(f"expected {expected}, found {'null' if value is None else type(value).__name__}")


def _plain(kinds: tuple[Any, ...]) -> _Form:
    """Of what stands as it is. A number may come without its point, as some languages write 1.0; true is no number."""
    allowed = {*kinds, int} if float in kinds else set(kinds)
    expected = " or ".join(_WORDS[kind] for kind in kinds)

    def read(value: Any) -> Any:
        # Not isinstance, for which true is a whole number.
        return value if type(value) in allowed else _refuse(expected, value)

    return _Form(_same, read)


def _literal(words: tuple[str, ...]) -> _Form:
    expected = f"one of {', '.join(words)}"

    def read(value: Any) -> Any:
        if type(value) is not str:
            _refuse(expected, value)
        if value not in words:
            raise MalformedError(f"expected {expected}, found {value[:_SHOWN]!r}")
        return value

    return _Form(_same, read)


def _union(members: tuple[Any, ...]) -> _Form:
    """Of None and another type, or of types that stand as they are: among objects nothing would tell which is meant."""
    if set(members) <= set(_WORDS):
        return _plain(members)
    objects = [member for member in members if member is not NoneType]
    if len(objects) > 1:
        raise TypeError(f"{' or '.join(map(str, members))} has no JSON form")
    form = _form(objects[0])
    return _Form(
        lambda value: None if value is None else form.write(value),
        lambda value: None if value is None else form.read(value),
    )


def _array(item: _Form) -> _Form:
    """Of a tuple of any length. What stands as it is (`_same`) is copied as a whole, which long arrays need."""
    write, read = item

    def read_all(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            _refuse("an array", value)
        found: list[Any] = []
        try:
            for one in value:
                found.append(read(one))  # noqa: PERF401 - how many there are tells where the error is
        except MalformedError as error:
            raise error.within(f"[{len(found)}]") from None
        return tuple(found)

    return _Form(list if write is _same else lambda value: [write(one) for one in value], read_all)


def _row(kinds: tuple[Any, ...]) -> _Form:
    """Of an array of a fixed length, each of whose values stands as it is."""
    reads = [_form(kind).read for kind in kinds]

    def read_all(value: Any) -> Any:
        if not isinstance(value, list | tuple) or len(value) != len(reads):
            _refuse(f"an array of {len(reads)}", value)
        return tuple(read(one) for read, one in zip(reads, value, strict=True))

    return _Form(list, read_all)


def _mapping(item: _Form) -> _Form:
    write, read = item

    def read_all(value: Any) -> Any:
        if not isinstance(value, Mapping):
            _refuse("an object", value)
        name, found = "", {}  # where the loop stops on an error, `name` says at which key
        try:
            for name, one in value.items():
                found[name] = read(one)
        except MalformedError as error:
            raise error.within(name) from None
        return found

    return _Form(dict if write is _same else lambda value: {name: write(one) for name, one in value.items()}, read_all)


def _of_class(kind: Any) -> _Form:
    if hasattr(kind, "to_json"):
        return _Form(kind.to_json, kind.from_json)
    shape = getattr(kind, "JSON", "object")
    if shape == "array":
        return _Form(_to_array, lambda value: _from_array(kind, value))
    if shape == "value":
        return _Form(lambda value: _to_array(value)[0], lambda value: kind(_rows(kind)[0].read(value)))
    return _Form(fields_to_json, lambda value: fields_from_json(kind, value))


def fields_to_json(value: Any) -> dict[str, Any]:
    """Return a dataclass as an object, whatever form of its own it has."""
    told = {}
    for name, key, sparse, default, write, _ in _rows(type(value)):
        item = getattr(value, name)
        if not sparse or item != default:
            told[key] = item if write is _same else write(item)
    return told


def fields_from_json(kind: type[T], value: Any) -> T:
    """Read back what `fields_to_json` wrote."""
    if not isinstance(value, Mapping):
        _refuse("an object", value)
    key, found = "", {}  # outside of the loop: where it stops on an error, `key` says in which field
    try:
        for name, key, _, default, _, read in _rows(kind):
            if key in value:
                found[name] = read(value[key])
            elif default is MISSING:
                raise MalformedError("is missing")
    except MalformedError as error:
        raise error.within(key) from None
    return kind(**found)


def _to_array(value: Any) -> list[Any]:
    return [row.write(getattr(value, row.name)) for row in _rows(type(value))]


def _from_array(kind: Any, value: Any) -> Any:
    rows = _rows(kind)
    if not isinstance(value, list | tuple) or len(value) != len(rows):
        _refuse(f"an array of {len(rows)}", value)
    return kind(*(row.read(item) for row, item in zip(rows, value, strict=True)))


def _rows_of(kind: Any) -> tuple[_Row, ...]:
    """Return the fields of a dataclass. Looked up at its first use only, so that a class may have itself in a field."""
    types = get_type_hints(kind)
    return tuple(
        _Row(
            one.name,
            one.metadata.get("json key", one.name),
            one.metadata.get("json sparse", False),
            one.default if one.default_factory is MISSING else one.default_factory(),
            *_form(types[one.name]),
        )
        for one in fields(kind)
    )


_rows: Callable[[Any], tuple[_Row, ...]] = cache(_rows_of)
