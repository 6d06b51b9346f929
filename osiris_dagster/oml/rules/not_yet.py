"""Rules about what a document may say and this version does not do yet. One table: a line goes when the thing works."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.document import Path
from osiris_dagster.oml.rules.context import Context
from osiris_dagster.oml.rules.rule import rule


class NotYet(NamedTuple):
    """A key of a document, and what happens without it."""

    key: Path
    instead: str
    default: Any = None  # a value that says what happens anyway


NOT_YET_IN_DOCUMENT: tuple[NotYet, ...] = (
    NotYet(("execution", "target"), instead="the steps would run on this machine", default="local"),
)


@rule("OML100", "A feature that is not supported yet, and whose absence would change the data")
def harmful(context: Context) -> Iterator[Diagnostic]:
    """The document asks for something that this version does not do, and doing without would give other data.

    Therefore the document is refused. This is the target e2b.

    Wrong:
        execution: {target: e2b}

    Right:
        execution: {target: local}
    """
    yield from _used(context)


@rule("OML102", "A schedule in a 0.1 document", severity="warning", example='oml_version: "0.2.0"')
def old_schedule(context: Context) -> Iterator[Diagnostic]:
    """OML 0.1.0 accepts `schedule` in any form, and nothing is started by it.

    OML 0.2.0 gives it a meaning.

    Wrong:
        oml_version: "0.1.0"
        schedule: daily

    Right:
        oml_version: "0.2.0"
        schedule: "15 3 * * *"
    """
    if context.version == "0.1.0" and context.body.get("schedule") is not None:
        yield context.at(
            ("schedule",),
            "`schedule` is accepted in OML 0.1.0 and starts nothing",
            key=True,
            expected="no `schedule`, or OML 0.2.0",
            fix='remove it, or write oml_version: "0.2.0" and a cron string',
        )


def _used(context: Context) -> Iterator[Diagnostic]:
    if context.version == "0.1.0":
        return
    for feature in NOT_YET_IN_DOCUMENT:
        value = _value_at(context.body, feature.key)
        if value is not None and value != feature.default:
            yield context.at(
                feature.key,
                f"`{'.'.join(map(str, feature.key))}` is not supported yet: {feature.instead}",
                key=True,
                expected="a document that does without it",
                fix="remove it",
            )


def _value_at(value: Any, path: Path) -> Any:
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value
