"""What git knows of the OML files of a project. Read only, and only when git and a repository are there."""
