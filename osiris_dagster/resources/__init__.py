"""Each driver family as a Dagster resource."""
