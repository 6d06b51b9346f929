"""A core document under judgement: its bytes, and what strict JSON, JSON-LD and RDF processors make of them."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pyoxigraph
import rdflib
from pyld import jsonld

XSD_STRING = "http://www.w3.org/2001/XMLSchema#string"


class Triple(NamedTuple):
    """A triple in plain text; `kind` is `@id` for a node as object, else the datatype of the literal."""

    subject: str
    predicate: str
    object: str
    kind: str


class Document:
    """Parses lazily and once. Every property raises what its processor raises; the judge turns that into a finding."""

    def __init__(self, raw: bytes, folder: Path | None = None) -> None:
        """`folder` has the annex beside the document; without one the annex is not looked at."""
        self.raw = raw
        self.folder = folder

    @cached_property
    def value(self) -> dict[str, Any]:
        """The JSON value; ValueError or TypeError for duplicate keys, NaN, broken UTF-8, no object."""
        value = json.loads(self.raw.decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant)
        if not isinstance(value, dict):
            raise TypeError("the document is not a JSON object")
        return value

    @cached_property
    def graph(self) -> rdflib.Graph:
        """The graph as rdflib reads it, literals exactly as they are written."""
        _refuse_remote_context(self.value)
        with _literals_as_written(), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # rdflib's own use of a class it deprecates
            return rdflib.Graph().parse(data=self.raw, format="json-ld")

    @cached_property
    def rdflib_triples(self) -> list[Triple]:
        """What rdflib sees."""
        return [Triple(_rdflib_text(s), str(p), _rdflib_text(o), _rdflib_kind(o)) for s, p, o in self.graph]

    @cached_property
    def quads(self) -> list[pyoxigraph.Quad]:
        """The graph as pyoxigraph's parser reads it; its store would rewrite `.510Z` as `.51Z`."""
        _refuse_remote_context(self.value)
        return list(pyoxigraph.parse(self.raw, format=pyoxigraph.RdfFormat.JSON_LD))

    @cached_property
    def oxigraph_triples(self) -> list[Triple]:
        """What pyoxigraph sees."""
        return oxigraph_triples(self.quads)

    @cached_property
    def expanded(self) -> tuple[list[Any], list[str]]:
        """The expanded document, and the properties that expansion dropped."""
        dropped: list[str] = []
        options = {"documentLoader": refuse_network}
        found = jsonld.expand(self.value, options, on_property_dropped=lambda name: dropped.append(str(name)))
        return found, dropped


def oxigraph_triples(quads: Iterable[pyoxigraph.Quad]) -> list[Triple]:
    """Return pyoxigraph's quads as plain triples."""
    return [Triple(plain(q.subject), q.predicate.value, plain(q.object), _oxigraph_kind(q.object)) for q in quads]


def plain(term: Any) -> str:
    """Return the text of a pyoxigraph term without its syntax; a blank node keeps its `_:`."""
    return str(term) if isinstance(term, pyoxigraph.BlankNode) else str(term.value)


def refuse_network(url: str, _options: Any = None) -> Any:
    """Stand in for a document loader; a package is whole in itself."""
    raise ValueError(f"the document refers to {url}, and nothing may be fetched")


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a document that has an @id, outermost first."""
    if isinstance(value, dict):
        if "@id" in value:
            yield value
        for key, item in value.items():
            if key != "@context":
                yield from nodes(item)
    elif isinstance(value, list):
        for item in value:
            yield from nodes(item)


def _rdflib_text(term: Any) -> str:
    return f"_:{term}" if isinstance(term, rdflib.BNode) else str(term)


def _rdflib_kind(term: Any) -> str:
    if isinstance(term, rdflib.Literal):
        return f"@{term.language}" if term.language else str(term.datatype or XSD_STRING)
    return "_:" if isinstance(term, rdflib.BNode) else "@id"


def _oxigraph_kind(term: Any) -> str:
    if isinstance(term, pyoxigraph.Literal):
        return f"@{term.language}" if term.language else str(term.datatype.value)
    return "_:" if isinstance(term, pyoxigraph.BlankNode) else "@id"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        double = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key {double!r} occurs more than once in one object")
    return result


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _refuse_remote_context(value: Any) -> None:
    contexts = value.get("@context", [])
    for context in contexts if isinstance(contexts, list) else [contexts]:
        if isinstance(context, str):
            refuse_network(context)


@contextmanager
def _literals_as_written() -> Iterator[None]:
    """Keep rdflib from rewriting `…Z` as `…+00:00`: only then is its graph comparable with another processor's."""
    before = rdflib.NORMALIZE_LITERALS
    rdflib.NORMALIZE_LITERALS = False
    try:
        yield
    finally:
        rdflib.NORMALIZE_LITERALS = before
