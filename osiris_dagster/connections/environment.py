"""Where the variables of connections come from: a secrets file, the environment, `.env` of the project."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from osiris_dagster.connections.dotenv import parse_dotenv
from osiris_dagster.errors import ConfigError
from osiris_dagster.project import Project


def variables_of(project: Project, secrets_file: str, env: Mapping[str, str]) -> Mapping[str, str]:
    """Return all variables; the secrets file wins over `env`, `env` over `.env`, and empty means unset."""
    layers: list[Mapping[str, str]] = [env]
    local = project.root / ".env"
    if local.is_file():
        layers.insert(0, parse_dotenv(read_text(local, ".env"), ".env"))
    if secrets_file:
        path = Path(secrets_file).expanduser()
        layers.append(parse_dotenv(read_text(path, "--secrets-file"), shown_name(path, project)))
    return {name: value for layer in layers for name, value in layer.items() if value}


def read_text(path: Path, named_by: str) -> str:
    """Return the text of a file; ConfigError when it cannot be read, with what named it."""
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(
            f"cannot read {path.name}: {reason}",
            code="CFG020",
            found=path.name,
            expected="a readable text file",
            fix=f"check {named_by}",
        ) from error


def shown_name(path: Path, project: Project) -> str:
    """Return the name for messages: relative to the project, the bare name outside of it."""
    absolute, root = path.resolve(), project.root.resolve()
    return absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else path.name
