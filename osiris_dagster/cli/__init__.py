"""The command line: verbs in, text or JSON and an exit code out."""
