"""Each driver family as a Dagster resource. Everything of ours that Dagster loads passes here, so it is named here."""

from dagster_shared.libraries import DagsterLibraryRegistry

from osiris_dagster import __version__

# Not one of Dagster's own packages, whose versions go in step with Dagster's.
DagsterLibraryRegistry.register("osiris-dagster", __version__, is_dagster_package=False)
