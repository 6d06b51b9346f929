"""A spec file in, the spec out. A malformed file is an OmlError that names file and reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from osiris_dagster.errors import OmlError, Place
from osiris_dagster.specs.model import ComponentSpec, Constraint, DatasetRule, Example, Override, Package, SqlRule

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML built without libyaml: slower, same data
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]  # same interface

SPEC_FILE = "spec.yaml"
META_SCHEMA = "spec.schema.json"
_PACKAGE = Path(__file__).parent.parent
_SPEC_MODES = ("extract", "write", "transform")


def components_folder() -> Path:
    """Return the folder of the shipped specs: inside an installed package, else beside it in a checkout."""
    shipped = _PACKAGE / "_components"
    return shipped if shipped.is_dir() else _PACKAGE.parent / "components"


def place_name(file: Path, package: Package | None = None) -> str:
    """Return a spec file's name as messages show it, without the host's folders; of a package, with its name."""
    shown = f"components/{file.parent.name}/{file.name}"
    return f"{package.name}/{shown}" if package else shown


def read_spec_file(file: Path, package: Package | None = None) -> Mapping[str, Any]:
    """Return the data of a spec file. OmlError when it is not a mapping of JSON-like data."""
    name = place_name(file, package)
    try:
        contents = yaml.load(file.read_text("utf-8"), Loader=_Loader)
        json.dumps(contents, allow_nan=False)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = Place(name, mark.line + 1, mark.column + 1) if mark else Place(name)
        raise _malformed(name, f"it is not YAML: {getattr(error, 'problem', error)}", place) from error
    except OSError as error:
        raise _malformed(name, f"it cannot be read: {error.strerror or type(error).__name__}") from error
    except (UnicodeDecodeError, TypeError, ValueError, RecursionError) as error:
        raise _malformed(name, f"it holds something that JSON cannot: {error}") from error
    if not isinstance(contents, dict):
        raise _malformed(name, "it is not a mapping")
    return contents


def spec_from(contents: Mapping[str, Any], name: str) -> ComponentSpec:
    """Return the spec of a file's data; `name` is the file for messages. OmlError when a part is missing or wrong."""
    try:
        return _spec(contents)
    except KeyError as error:
        raise _malformed(name, f"the key {error} is missing") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise _malformed(name, str(error)) from error


def _spec(contents: Mapping[str, Any]) -> ComponentSpec:
    (mode,) = _typed(contents, "modes", list)
    if mode not in _SPEC_MODES:
        raise ValueError(f"`modes` holds {mode!r}; expected one of {', '.join(_SPEC_MODES)}")
    if not isinstance(_typed(contents, "configSchema", dict).get("properties"), dict):
        raise TypeError("`configSchema.properties` must be a mapping")
    return ComponentSpec(
        name=_typed(contents, "name", str),
        version=_typed(contents, "version", str),
        title=_typed(contents, "title", str),
        description=_typed(contents, "description", str),
        mode=mode,
        capabilities=frozenset(name for name, on in contents.get("capabilities", {}).items() if on is True),
        config_schema=contents["configSchema"],
        driver=_typed(contents["x-runtime"], "driver", str),
        inspector=contents["x-runtime"].get("inspector", ""),
        secrets=tuple(contents.get("secrets", ())),
        connection=contents.get("connection", "none"),
        connection_fields=_connection_fields(contents.get("x-connection-fields", ())),
        constraints=tuple(Constraint(c["when"], c["must"], c["error"]) for c in contents.get("constraints", ())),
        dataset=DatasetRule(**contents["x-dataset"]) if "x-dataset" in contents else None,
        sql=_sql(contents["x-sql"]) if "x-sql" in contents else None,
        examples=tuple(Example(e["title"], e["config"]) for e in contents.get("examples", ())),
        input_aliases={
            alias: option
            for option, aliases in contents.get("llmHints", {}).get("inputAliases", {}).items()
            for alias in aliases
        },
    )


def _typed(contents: Mapping[str, Any], key: str, kind: type) -> Any:
    value = contents[key]
    if not isinstance(value, kind):
        raise TypeError(f"`{key}` must be a {kind.__name__}, not {value!r}")
    return value


def _sql(rule: Mapping[str, Any]) -> SqlRule:
    return SqlRule(rule["dialect"], tuple(rule.get("statements", ())), tuple(rule.get("conditions", ())))


def _connection_fields(items: list[Any]) -> dict[str, Override]:
    named: list[Any] = [{"name": item} if isinstance(item, str) else item for item in items]
    return {item["name"]: item.get("override", "forbidden") for item in named}


def _malformed(name: str, reason: str, place: Place | None = None) -> OmlError:
    return OmlError(
        f"the component spec {name} is malformed: {reason}",
        code="SPC001",
        place=place or Place(name),
        expected=f"a spec that satisfies components/{META_SCHEMA}",
        fix="correct the spec; for a shipped one, reinstall osiris-dagster",
    )
