# The types of what `__init__.py` loads when it is asked for.
from osiris_dagster.assets.pipeline import OsirisPipeline as OsirisPipeline
from osiris_dagster.assets.translator import DagsterOsirisTranslator as DagsterOsirisTranslator
from osiris_dagster.assets.translator import StepData as StepData
from osiris_dagster.component import OsirisPipelineComponent as OsirisPipelineComponent
from osiris_dagster.embedding import osiris_assets as osiris_assets
from osiris_dagster.embedding import osiris_definitions as osiris_definitions
from osiris_dagster.embedding import osiris_pipeline as osiris_pipeline
from osiris_dagster.embedding import osiris_resources as osiris_resources
from osiris_dagster.embedding import osiris_sensors as osiris_sensors
from osiris_dagster.resources.driver import OsirisDriver as OsirisDriver
from osiris_dagster.resources.duckdb import DuckDBDriverResource as DuckDBDriverResource

__version__: str
