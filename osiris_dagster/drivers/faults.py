"""Keeps secrets out of errors that drivers and inspectors raise outside of a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from osiris_dagster.errors import Diagnostic, DriverError, OsirisError
from osiris_dagster.redaction import Redactor, capture


@contextmanager
def without_secrets(redactor: Redactor) -> Iterator[None]:
    """Clean every error that leaves the block; one that no driver named becomes a DriverError.

    For calls outside of a run, where no step runner does it.
    """
    try:
        yield
    except OsirisError as error:
        cleaned = tuple(_cleaned(finding, redactor) for finding in error.diagnostics)
        raise type(error)(cleaned[0].message, diagnostics=cleaned) from None
    except Exception as error:  # noqa: BLE001 - the border: what a client library raises becomes a diagnostic
        info = capture(error, redactor)
        raise DriverError(
            f"{info.type}: {info.message}",
            code="CFG071",
            expected="an answer, or an error that the driver knows",
            fix="see `osiris connections doctor`; report it if the connection is fine",
        ) from None


def _cleaned(finding: Diagnostic, redactor: Redactor) -> Diagnostic:
    return replace(
        finding,
        message=redactor.text(finding.message),
        found=redactor.text(finding.found),
        expected=redactor.text(finding.expected),
        fix=redactor.text(finding.fix),
    )
