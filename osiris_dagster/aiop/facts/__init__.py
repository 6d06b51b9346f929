"""What is known about a run, before anything is built from it."""
