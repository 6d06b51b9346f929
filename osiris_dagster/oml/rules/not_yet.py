"""Rules about what a document may say and this version does not do yet: rows of keys say so, in `not_yet`."""

from __future__ import annotations

from collections.abc import Iterator

from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.keys import DOCUMENT
from osiris_dagster.oml.rules.context import Context
from osiris_dagster.oml.rules.rule import rule
from osiris_dagster.oml.rules.shaped import blocks


@rule("OML100", "A feature that is not supported yet, and whose absence would change the data")
def harmful(context: Context) -> Iterator[Diagnostic]:
    """The document asks for something that this version does not do, and doing without would give other data.

    Therefore the document is refused. This is the target e2b.

    Wrong:
        execution: {target: e2b}

    Right:
        execution: {target: local}
    """
    for name, key in DOCUMENT.items():
        for inner in (inner for inner in key.keys if inner.not_yet):
            for path, block in blocks(context, name):
                value = block.get(inner.name) if isinstance(block, dict) else None
                if value is not None and value != key.defaults.get(inner.name):
                    yield context.at(
                        (*path, inner.name),
                        f"`{name}.{inner.name}` is not supported yet: {inner.not_yet}",
                        key=True,
                        expected="a document that does without it",
                        fix="remove it",
                    )


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
    if not DOCUMENT["schedule"].means_in(context.version) and context.body.get("schedule") is not None:
        yield context.at(
            ("schedule",),
            "`schedule` is accepted in OML 0.1.0 and starts nothing",
            key=True,
            expected="no `schedule`, or OML 0.2.0",
            fix='remove it, or write oml_version: "0.2.0" and a cron string',
        )
