"""OML files that do not compile, made visible: an asset with the diagnostics, and a check that recompiles the file."""

from __future__ import annotations

from dagster import (
    AssetCheckEvaluation,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetSpec,
    CodeReferencesMetadataValue,
    LocalFileCodeReference,
    MetadataValue,
    asset_check,
)

from osiris_dagster.assets.keys import BROKEN, broken_key
from osiris_dagster.connections.project import connections_of
from osiris_dagster.errors import Diagnostic, OsirisError
from osiris_dagster.loading import Broken, compile_file
from osiris_dagster.oml.render import render
from osiris_dagster.project import Project
from osiris_dagster.settings import Settings

CHECK = "compiles"
DIGEST = "digest"  # metadata of the check: the fingerprint of the findings


def broken_asset(broken: Broken, project: Project) -> AssetSpec:
    """Return the asset that stands for a file which does not compile."""
    line = next((d.place.line for d in broken.diagnostics if d.place), 1)
    reference = LocalFileCodeReference(
        file_path=str(project.root / broken.file), line_number=line, label="the first fault"
    )
    return AssetSpec(
        key=broken_key(broken.file),
        description=f"{broken.file} does not compile.\n\n```text\n{render(broken.diagnostics)}\n```",
        group_name=BROKEN,
        kinds={"yaml"},
        metadata={
            "diagnostics": MetadataValue.json([d.as_dict() for d in broken.diagnostics]),
            "dagster/code_references": CodeReferencesMetadataValue(code_references=[reference]),
        },
    )


def compiles_check(broken: Broken, project: Project) -> AssetChecksDefinition:
    """Return the check `compiles` of a broken file; running it compiles the file as it is now."""

    @asset_check(
        asset=broken_key(broken.file),
        name=CHECK,
        description="The OML file compiles. Reload the code location once it does.",
    )
    def compiles() -> AssetCheckResult:
        settings = Settings()
        try:
            compile_file(project, project.root / broken.file, settings, connections_of(project, settings))
        except OsirisError as error:
            return AssetCheckResult(passed=False, metadata=_told(error.diagnostics))
        return AssetCheckResult(passed=True)

    return compiles


def failed_check(broken: Broken) -> AssetCheckEvaluation:
    """Return the evaluation that shows a broken file as failed although nothing has run."""
    return AssetCheckEvaluation(
        asset_key=broken_key(broken.file),
        check_name=CHECK,
        passed=False,
        severity=AssetCheckSeverity.ERROR,
        metadata={**_told(broken.diagnostics), DIGEST: broken.fingerprint},
    )


def _told(diagnostics: tuple[Diagnostic, ...]) -> dict[str, MetadataValue[str]]:
    return {"findings": MetadataValue.md(f"```text\n{render(diagnostics)}\n```")}
