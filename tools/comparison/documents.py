"""All OML of two checkouts, as cases: files, texts in YAML cases and in Python, blocks of pages, and single queries.

Nothing here knows how a test uses its data: what looks like a document, a fragment of one or a query is taken. Equal
texts are taken once. A document is asked for with every verb that reads OML and needs no store.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tools.comparison.case import Case, calls
from tools.comparison.side import CONNECTIONS

FOLDERS = ("tests", "docs", "examples", "deploy")
_SKIPPED = {".venv", "node_modules", "__pycache__", ".osiris", "build"}
_LOOKS = re.compile(r"^\s*(?:-\s*)?['\"]?(?:oml_version|steps)['\"]?\s*:|\"(?:oml_version|steps)\"\s*:", re.MULTILINE)
_QUERY = re.compile(r"\s*(?:select|with|from|insert|delete|update|drop|create|copy|pragma|attach)\b", re.IGNORECASE)
_BLOCK = re.compile(r"^```(?:yaml|oml)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
_HEAD = 'oml_version: "{version}"\nname: orders\n'
_STEP = "steps:\n  - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}\n"
_SERVER = "{host: 127.0.0.1, database: shop, user: reader, password: '${SHOP_PASSWORD}', default: true}"
_KNOWN = f"""\
connections:
  duckdb:
    ops: {{path: data/ops.duckdb, default: true}}
    warehouse: {{path: data/warehouse.duckdb, identity: wh}}
  mysql: {{shop: {_SERVER}}}
  postgres: {{shop: {_SERVER}}}
"""
_STAND_INS = {
    "demo.file_reader": "filesystem.csv_extractor",
    "demo.extractor": "mysql.extractor",
    "demo.writer": "mysql.writer",
}
_READERS = ("mysql.extractor", "postgres.extractor", "duckdb.extractor")
_CALLS = calls(
    "validate --json p.yaml", "validate p.yaml", "validate --mode strict p.yaml", "fmt --check p.yaml",
    "upgrade p.yaml", "compile --json p.yaml", "compile p.yaml", "validate --fix fixed.yaml", "fmt formatted.yaml",
    "upgrade --write upgraded.yaml", "compile fixed.yaml",
)  # fmt: skip
_QUERY_CALLS = calls("compile --json p.yaml", "compile p.yaml")


@dataclass(frozen=True, slots=True)
class Document:
    """A text, what a project knows beside it, and one place where it stands."""

    text: bytes
    connections: str = _KNOWN
    lock: str = ""
    given: str = ""  # YAML of profile, params and env
    query: bool = False  # only one query made into a document: it is compiled and nothing else

    @property
    def digest(self) -> str:
        """Its identity; the place where it was found is no part of it."""
        parts = (self.text, self.connections.encode(), self.lock.encode(), self.given.encode())
        return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def document_cases(checkouts: Iterable[Path]) -> list[Case]:
    """Return a case for each different document of the checkouts, in the order of their names."""
    found: dict[str, tuple[str, Document]] = {}
    for checkout in checkouts:
        for origin, document in documents(checkout):
            found.setdefault(document.digest, (origin, document))
    return [_case(f"{origin} {digest}", document) for digest, (origin, document) in sorted(found.items())]


def documents(checkout: Path) -> Iterator[tuple[str, Document]]:
    """Yield every document of a checkout with the file it stands in."""
    for folder in FOLDERS:
        for path in sorted((checkout / folder).rglob("*")):
            if path.suffix in _READ and path.is_file() and not _SKIPPED & set(path.parts):
                name = path.relative_to(checkout).as_posix()
                yield from ((name, document) for document in _READ[path.suffix](path))
    readme = checkout / "README.md"
    yield from (("README.md", document) for document in _of_page(readme))


def _case(name: str, document: Document) -> Case:
    if document.query:
        return Case(
            name, _QUERY_CALLS, {"p.yaml": document.text, CONNECTIONS: document.connections.encode()}, exact=True
        )
    names = ("p", "fixed", "formatted", "upgraded")
    files = {f"{each}.yaml": document.text for each in names} | {CONNECTIONS: document.connections.encode()}
    if document.lock:
        files |= {f"{each}.schema.json": document.lock.encode() for each in names}
    given = yaml.safe_load(document.given) or {}
    words = [f"--param={key}={value}" for key, value in given.get("params", {}).items()]
    words += [f"--profile={given['profile']}"] if "profile" in given else []
    more = calls(" ".join(["compile", "p.yaml", *words])) if words else ()
    return Case(name, _CALLS + more, files, exact=True)


def _of_yaml(path: Path) -> Iterator[Document]:
    raw = path.read_bytes()
    if _LOOKS.search(raw.decode("utf-8", "replace")):
        yield _with_neighbours(raw, path)
    try:
        data = yaml.safe_load(raw)
    except (yaml.YAMLError, ValueError):
        return
    yield from _of_data(data)


def _with_neighbours(text: bytes, path: Path) -> Document:
    """Return a file's document with the connections, the lock and the values that stand beside it."""
    folders = (path.parent, path.parent.parent)
    places = [folder / name for folder in folders for name in (CONNECTIONS, "connections.yaml")]
    known = next((place for place in places if place.is_file()), None)
    lock, given = path.with_suffix(".schema.json"), path.with_name("given.yaml")
    return Document(
        text,
        connections=known.read_text("utf-8") if known else _KNOWN,
        lock=lock.read_text("utf-8") if lock.is_file() else "",
        given=given.read_text("utf-8") if given.is_file() else "",
    )


def _of_data(data: Any) -> Iterator[Document]:
    if isinstance(data, dict):
        known = data.get("connections_file", data.get("file"))
        for text in _fragments(data):
            yield Document(text, connections=known if isinstance(known, str) else _KNOWN)
        for value in data.values():
            yield from _of_data(value)
    elif isinstance(data, list):
        for value in data:
            yield from _of_data(value)
    elif isinstance(data, str):
        yield from _of_text(data)


def _fragments(data: dict[str, Any]) -> Iterator[bytes]:
    """Yield the documents that a case of the OML tests means: made of its steps, its top, its bytes or a repetition."""
    head = _HEAD.format(version=data.get("version", "0.2.0"))
    for steps in (data.get("steps"), data.get("fixed") if "steps" in data else None):
        if isinstance(steps, str):
            yield from _variants(head + "steps:\n" + "".join(f"  {line}\n" for line in steps.splitlines()))
    for top in (data.get("top"), data.get("fixed") if "top" in data else None):
        if isinstance(top, str):
            keys = {line.partition(":")[0] for line in top.splitlines()}
            missing = "".join(line + "\n" for line in head.splitlines() if line.partition(":")[0] not in keys)
            yield from _variants(top.rstrip("\n") + "\n" + missing + ("" if "steps" in keys else _STEP))
    if isinstance(data.get("hex"), str):
        yield bytes.fromhex(data["hex"])
    if isinstance(repeat := data.get("repeat"), dict):
        yield (repeat.get("head", "") + repeat["unit"] * repeat["times"] + repeat.get("tail", "")).encode()


def _of_text(text: str) -> Iterator[Document]:
    if _LOOKS.search(text):
        yield from map(Document, _variants(text.replace("»", "")))
    elif _QUERY.match(text):
        for component in ("duckdb.processor", *_READERS):
            mode = "transform" if component == "duckdb.processor" else "read"
            known = {} if mode == "transform" else {"connection": f"@{component.partition('.')[0]}"}
            step = {"id": "rows", "component": component, "mode": mode, "config": {**known, "query": text}}
            text_of = _HEAD.format(version="0.2.0") + f"steps: [{json.dumps(step)}]\n"
            yield Document(text_of.encode(), query=True)


def _variants(text: str) -> Iterator[bytes]:
    """Yield a text, and once more with shipped components where it has those that only tests know."""
    yield text.encode("utf-8", "surrogatepass")
    shipped = text
    for made_up, real in _STAND_INS.items():
        shipped = shipped.replace(made_up, real).replace("@demo", "@mysql")
    if shipped != text:
        yield shipped.encode("utf-8", "surrogatepass")


def _of_python(path: Path) -> Iterator[Document]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _LOOKS.search(node.value):
            yield from map(Document, _variants(node.value))
            if "{{" in node.value:
                yield Document(node.value.replace("{{", "{").replace("}}", "}").encode("utf-8", "surrogatepass"))


def _of_page(path: Path) -> Iterator[Document]:
    for text in _BLOCK.findall(path.read_text("utf-8")):
        if not _LOOKS.search(text):
            yield from map(Document, _variants(_HEAD.format(version="0.2.0") + text + _STEP))
        yield Document(text.encode())


_READ = {
    ".yaml": _of_yaml, ".yml": _of_yaml, ".oml": _of_yaml, ".py": _of_python, ".md": _of_page,
}  # fmt: skip
