"""A rule: a code, a title, a manual page and the function that finds what breaks it."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from osiris_dagster.errors import Diagnostic, Severity
from osiris_dagster.oml.rules.context import Context
from osiris_dagster.oml.rules.old_names import old_name

Find = Callable[[Context], Iterator[Diagnostic]]
MOST_FINDINGS = 50
"""Findings shown per rule and document: enough to act on, and a bound on the work for hostile input."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `advisory` ones follow the validation mode: strict makes them errors, off drops them."""

    code: str
    title: str
    find: Find
    severity: Severity = "error"
    advisory: bool = False
    example: str = ""

    def check(self, context: Context) -> Iterator[Diagnostic]:
        """Yield the findings with this rule's code, severity and example."""
        for count, finding in enumerate(islice(self.find(context), MOST_FINDINGS + 1)):
            message = finding.message
            if count == MOST_FINDINGS:
                message += "; further findings of this rule are not shown"
            yield replace(
                finding,
                code=self.code,
                message=message,
                severity="warning" if "warning" in (self.severity, finding.severity) else "error",
                alias=old_name(self.code, finding.path),
                example=finding.example or self.example,
            )

    @property
    def manual(self) -> Manual:
        """The manual page, from the docstring of the rule's function."""
        text, _, examples = inspect.getdoc(self.find).partition("\nWrong:\n")  # type: ignore[union-attr]  # a test asks for it
        wrong, _, right = examples.partition("\nRight:\n")
        return Manual(text.strip(), textwrap.dedent(wrong).strip("\n"), textwrap.dedent(right).strip("\n"))


@dataclass(frozen=True, slots=True)
class Manual:
    """What a rule means and why, with an example that breaks it and one that keeps it."""

    text: str
    wrong: str
    right: str


def rule(
    code: str, title: str, *, severity: Severity = "error", advisory: bool = False, example: str = ""
) -> Callable[[Find], Rule]:
    """Make a rule of a function whose docstring is the manual page, with the parts `Wrong:` and `Right:`."""
    if advisory:
        severity = "warning"
    return lambda find: Rule(code, title, find, severity, advisory, example)
