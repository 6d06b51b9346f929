"""Text in, pipeline and diagnostics out: the one validator behind every door of the product."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.compose import compose
from osiris_dagster.oml.document import Document
from osiris_dagster.oml.masking import with_sources
from osiris_dagster.oml.model import ConnectionFacts, Pipeline
from osiris_dagster.oml.parse import parse
from osiris_dagster.oml.rules import RULES
from osiris_dagster.oml.rules.context import Context
from osiris_dagster.oml.rules.rule import Rule
from osiris_dagster.specs.catalogue import Catalogue

Mode = Literal["strict", "warn", "off"]


@dataclass(frozen=True, slots=True)
class Validation:
    """What came of a text: its pipeline when no diagnostic is an error, and all diagnostics by position."""

    document: Document
    pipeline: Pipeline | None
    diagnostics: tuple[Diagnostic, ...]

    @property
    def ok(self) -> bool:
        """Whether the text can be compiled; warnings do not stand in the way."""
        return self.pipeline is not None

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that stand in the way."""
        return tuple(finding for finding in self.diagnostics if finding.severity == "error")


def validate(
    text: str | bytes,
    file: str,
    catalogue: Catalogue,
    *,
    connections: tuple[ConnectionFacts, ...] | None = None,
    mode: Mode = "warn",
    params: Mapping[str, Any] | None = None,
    secrets: Collection[str] = (),
) -> Validation:
    """Return the pipeline of a text, or what is wrong with it. Never raises, reads no file, opens no connection.

    `file` is the project-relative name for messages. `mode` decides about advisory rules only: strict makes them
    errors, warn warnings, off drops them. Without `connections` nothing is said about aliases. `params` are values
    that go before the declared defaults when options are checked, `secrets` the secrets of the connections: none of
    them may stand in the text.
    """
    document = compose(text, file)
    context = Context(document, catalogue, connections, params or {}, secrets)
    found = sorted(_findings(RULES, context, mode), key=partial(_position, file=file))
    diagnostics = with_sources(found, document, context.secrets if found else ())
    failed = any(finding.severity == "error" for finding in diagnostics)
    return Validation(document, None if failed else parse(document), diagnostics)


def _findings(rules: Iterable[Rule], context: Context, mode: Mode) -> Iterator[Diagnostic]:
    for rule in rules:
        if rule.advisory and mode == "off":
            continue
        for finding in rule.check(context):
            yield replace(finding, severity="error") if rule.advisory and mode == "strict" else finding


def _position(finding: Diagnostic, file: str) -> tuple[bool, int, int, str]:
    """Order by place; what stands in another file, such as that of the connections, comes last."""
    place = finding.place
    return (place.file != file, place.line, place.column, finding.code) if place else (False, 0, 0, finding.code)
