"""Arrow files as source and target of Osiris pipelines."""
