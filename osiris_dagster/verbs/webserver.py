"""A running Dagster webserver, asked over GraphQL: which locations it has, and to load one of them again."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from osiris_dagster.errors import CompileError, ConfigError

DEFAULT_URL = "http://127.0.0.1:3000"
VARIABLE = "OSIRIS_WEBSERVER"
LOCATION = "osiris_dagster.definitions"
_ANSWER = 10.0  # seconds for a question
_RELOAD = 600.0  # seconds for a reload, which compiles and loads everything
_NAMES = "{ workspaceOrError { ... on Workspace { locationEntries { name } } ... on PythonError { message } } }"
_AGAIN = """
    mutation($name: String!) { reloadRepositoryLocation(repositoryLocationName: $name) {
        __typename
        ... on WorkspaceLocationEntry { locationOrLoadError { __typename ... on PythonError { message } } }
        ... on ReloadNotSupported { message }
        ... on UnauthorizedError { message }
        ... on PythonError { message }
    } }
"""


@dataclass(frozen=True, slots=True)
class Webserver:
    """Where it listens; the path in front of `/graphql` is part of it."""

    url: str

    def location(self, wanted: str = "") -> str:
        """Return the location to reload: the wanted one, ours, or the only one. ConfigError without one."""
        found = self._ask(_NAMES, {}, _ANSWER)["workspaceOrError"]
        names = [entry["name"] for entry in found.get("locationEntries", ())]
        for name in (wanted,) if wanted else (LOCATION, *(names if len(names) == 1 else ())):
            if name in names:
                return str(name)
        raise ConfigError(
            f"the webserver has no location {wanted or LOCATION!r}",
            code="CFG074",
            found=", ".join(names) or str(found.get("message", "no location")),
            expected="a location of this project",
            fix="name one with --location",
        )

    def reload(self, location: str) -> None:
        """Load a location again and wait for it. CompileError when it does not load, which takes it out of the UI."""
        answer = self._ask(_AGAIN, {"name": location}, _RELOAD)["reloadRepositoryLocation"]
        loaded = answer.get("locationOrLoadError") or answer
        if loaded["__typename"] == "RepositoryLocation":
            return
        raise CompileError(
            f"the location {location} does not load",
            code="CMP064",
            found=str(loaded.get("message", loaded["__typename"])).strip(),
            expected="a location that loads",
            fix="see the deployment page of the UI, or run `dagster definitions validate`",
        )

    def _ask(self, query: str, variables: dict[str, str], timeout: float) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(  # noqa: S310 - the scheme is checked where the URL comes in
            f"{self.url}/graphql", body, {"content-type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310 - the scheme is checked where the URL comes in
                data = json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise _no_webserver(self.url, f"HTTP status {error.code}") from None
        except urllib.error.URLError as error:
            raise _no_webserver(self.url, str(getattr(error.reason, "strerror", None) or error.reason)) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _no_webserver(self.url, f"{type(error).__name__}: no answer that Dagster gives") from None
        return data


def webserver(url: str) -> Webserver:
    """Return the webserver at `url`, else at OSIRIS_WEBSERVER, else at Dagster's own address."""
    named = (url or os.environ.get(VARIABLE) or DEFAULT_URL).rstrip("/").removesuffix("/graphql")
    if not named.startswith(("http://", "https://")):
        raise ConfigError(
            f"{named!r} is no address of a webserver",
            code="CFG073",
            found=named,
            expected="http://host:port",
            fix=f"correct --url or {VARIABLE}",
        )
    return Webserver(named)


def _no_webserver(url: str, found: str) -> ConfigError:
    return ConfigError(
        f"no Dagster webserver answers at {url}",
        code="CFG073",
        found=found,
        expected="a running `dagster dev` or `dagster-webserver`",
        fix=f"start it, or say where it is with --url or {VARIABLE}",
    )
