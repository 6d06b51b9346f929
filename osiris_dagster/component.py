"""An Osiris project as a Dagster component: the one module in which that word is Dagster's."""

# No `from __future__ import annotations` here: Dagster reads the types of the fields from the class.
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import dagster as dg
from dagster.components.scaffold.scaffold import scaffold_with
from dagster.components.utils.defs_state import DefsStateConfig, DefsStateConfigArgs, ResolvedDefsStateConfig
from dagster.components.utils.translation import TranslationFn, TranslationFnResolver
from pydantic import BaseModel, Field
from typing_extensions import override

from osiris_dagster.assets.pipeline import OsirisPipeline
from osiris_dagster.assets.translator import DagsterOsirisTranslator, StepData
from osiris_dagster.definitions import Choices, project_definitions
from osiris_dagster.errors import ConfigError
from osiris_dagster.location import keep, location_of
from osiris_dagster.new_project import make_project
from osiris_dagster.project import MARKER, Project, find_project

FOLDER = "osiris"


class ScaffoldParams(BaseModel):
    """What `dg scaffold defs` takes."""

    project: str = Field(
        default=FOLDER,
        description="Folder of the Osiris project, relative to the root of the Dagster project; made if there is none.",
    )


class OsirisScaffolder(dg.Scaffolder[ScaffoldParams]):
    """Writes `defs.yaml`, and a project with an example pipeline where there is none."""

    @classmethod
    @override
    def get_scaffold_params(cls) -> type[ScaffoldParams]:
        return ScaffoldParams

    @override
    def scaffold(self, request: dg.ScaffoldRequest[ScaffoldParams]) -> None:
        params = request.params or ScaffoldParams()
        root = (request.project_root or request.target_path) / params.project
        if not (root / MARKER).exists():
            make_project(root, embedded=True)
        dg.scaffold_component(request, {"project": params.project})


def _project_folder(context: dg.ResolutionContext, folder: str) -> Path:
    return dg.ComponentLoadContext.from_resolution_context(context).project_root / folder


@scaffold_with(OsirisScaffolder)
@dataclass
class OsirisPipelineComponent(dg.StateBackedComponent, dg.Resolvable):
    """The pipelines of an Osiris project (OML files) as assets, with jobs, schedules, checks, lineage and packages.

    A subclass may override `get_asset_spec` and `execute`.
    """

    project: Annotated[
        Path,
        dg.Resolver(
            _project_folder,
            model_field_type=str,
            description="Folder of the Osiris project, relative to the root of the Dagster project.",
            examples=[FOLDER],
        ),
    ]
    provided: list[str] = field(default_factory=list)
    translation: Annotated[
        TranslationFn[StepData] | None,
        TranslationFnResolver[StepData](lambda data: {"step": data.step, "pipeline": data.manifest}),
    ] = None
    defs_state: ResolvedDefsStateConfig = field(default_factory=DefsStateConfigArgs.local_filesystem)

    @property
    @override
    def defs_state_config(self) -> DefsStateConfig:
        return DefsStateConfig.from_args(self.defs_state, default_key=f"{type(self).__name__}[{self.project.name}]")

    @override
    def write_state_to_path(self, state_path: Path) -> None:
        """Compile every file of the project into the state."""
        keep(self._found, state_path)

    @override
    def build_defs_from_state(self, context: dg.ComponentLoadContext, state_path: Path | None) -> dg.Definitions:
        """Return the definitions of the project; without a state, of its files as they are."""
        _refuse_another(context)
        choices = Choices(
            translator=_Translator(self),
            execute=self.execute,
            provided=frozenset(dg.AssetKey.from_user_string(key) for key in self.provided),
        )
        return project_definitions(location_of(self._found, state_path), choices)

    def get_asset_spec(self, data: StepData) -> dg.AssetSpec:
        """Return the spec of one step."""
        spec = DagsterOsirisTranslator().get_asset_spec(data)
        return self.translation(spec, data) if self.translation else spec

    def execute(self, context: dg.AssetExecutionContext, pipeline: OsirisPipeline) -> Iterator[Any]:
        """Materialize the selected steps of a pipeline."""
        yield from pipeline.run(context)

    @property
    def _found(self) -> Project:
        return find_project(str(self.project))


class _Translator(DagsterOsirisTranslator):
    """Asks the component, so that overriding its method is enough."""

    def __init__(self, component: OsirisPipelineComponent) -> None:
        self._component = component

    @override
    def get_asset_spec(self, data: StepData) -> dg.AssetSpec:
        return self._component.get_asset_spec(data)


def _refuse_another(context: dg.ComponentLoadContext) -> None:
    """Two projects in one location would each have the sensors, the resources and the tables of both."""
    count = len(context.component_tree.get_all_components(OsirisPipelineComponent))
    if count > 1:
        raise ConfigError(
            "one code location can hold one Osiris project",
            code="CFG069",
            found=f"{count} components of type OsirisPipelineComponent",
            expected="one",
            fix="put the pipelines into one project, or the second project into a code location of its own",
        )
