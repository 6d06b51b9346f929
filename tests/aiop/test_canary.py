"""A secret planted anywhere, in any encoding, is in no byte that leaves. The decoder here shares no code with ours."""

from __future__ import annotations

import base64
import binascii
import gzip
import html
import json
import quopri
import re
import urllib.parse
from dataclasses import replace
from pathlib import Path

import pytest
from cases import raw_facts
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_secrets import knowing, planted

from osiris_dagster.aiop.disk.export import seal, staging_folder, write_package
from osiris_dagster.aiop.facts.map_texts import scrub
from osiris_dagster.aiop.facts.options import Options
from osiris_dagster.aiop.files.annex import Spool
from osiris_dagster.exports.spool import Wanted, spool_logs
from osiris_dagster.redaction import MASK, Redactor
from osiris_dagster.runs.logs import LogLine

ENCODE = {
    "plain": str,
    "repr": repr,
    "json": json.dumps,
    "yaml": lambda text: "'" + text.replace("'", "''") + "'",
    "url": lambda text: urllib.parse.quote(text, safe=""),
    "form": urllib.parse.quote_plus,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "urlsafe": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "html": html.escape,
    "wide": lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
    "wrapped": lambda text: json.dumps({"user": "me", "password": text}),
    "basic": lambda text: base64.b64encode(f"me:{text}".encode()).decode(),
}
SECRETS = st.text("abcXYZ0123456789!#$/+=é ", min_size=8, max_size=24).filter(
    lambda text: text == text.strip() and len(set(text)) > 5
)
WAYS = st.lists(st.sampled_from(sorted(ENCODE)), min_size=1, max_size=3)


def unveiled(data: bytes, depth: int = 3) -> set[bytes]:
    """Everything that a reader with patience gets out of some bytes: found by brute force, word by word."""
    seen, front = {data}, {data}
    for _ in range(depth):
        front = {plain for text in front for plain in opened(text)} - seen
        seen |= front
    return seen


def opened(data: bytes) -> set[bytes]:
    text = data.decode("utf-8", "replace")
    found = {urllib.parse.unquote_to_bytes(text.replace("+", " ")), html.unescape(text).encode()}
    found |= {re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text).encode("utf-8", "replace")}
    found |= {re.sub(r"\\(.)", r"\1", text).encode()}
    found |= {quopri.decodestring(data), b"".join(data.split()), data.replace(b"''", b"'")}
    for word in re.findall(r"[A-Za-z0-9+/_-]{8,}", text):
        raw = word.translate(str.maketrans("-_", "+/"))
        for start in range(4):
            body = raw[start:]
            body = body[: len(body) - len(body) % 4] if len(body) % 4 == 1 else body + "=" * (-len(body) % 4)
            try:
                plain = base64.b64decode(body)
            except binascii.Error:
                continue
            found |= {plain, plain.replace(b"\0", b"")}
    for word in re.findall(r"(?:[0-9a-fA-F]{2}){6,}", text):
        found.add(bytes.fromhex(word))
    return found


def leaving(root: Path) -> bytes:
    """Every byte below a folder, names included, compressed files opened."""
    parts = [str(path.relative_to(root)).encode() for path in root.rglob("*")]
    files = [path for path in root.rglob("*") if path.is_file()]
    parts += [gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in files]
    return b"\n".join(parts)


def exported(root: Path, text: str, redactor: Redactor) -> bytes:
    """Plant a text in every place of a run and its log, and return all that an export leaves."""
    lines = [LogLine(1, "info", "", "", f"said {text} here"), LogLine(2, "error", "", "STEP_FAILURE", text)]
    wanted = {"p": Wanted("p", root / "spool", 5, redactor.text)}
    events = spool_logs(lines, wanted)["p"]
    facts = planted(raw_facts("failure"), text)
    record = replace(facts.record, events=(*facts.record.events, *events))
    facts = replace(facts, record=record, options=Options(compress="gzip"))
    packages = root / "packages"
    with staging_folder(packages) as folder:
        write_package(packages, seal(scrub(facts, redactor), folder, Spool(root / "spool")), folder)
    return leaving(packages)


def encoded(secret: str, ways: list[str]) -> str:
    for way in ways:
        secret = ENCODE[way](secret)
    return secret


def words_around(data: bytes) -> set[bytes]:
    """The lines in which the plants stood, so that decoding by brute force stays affordable."""
    return {line for line in data.split(b"\n") if b"said" in line or b"m " in line or b"note" in line}


@given(SECRETS, WAYS)
@example("hunter2/é+pass word", ["base64", "base64", "base64"])
@example("hunter2/é+pass word", ["wrapped", "base64", "url"])
@example("Zq8!Zq8!xY", ["basic", "hex", "json"])
@example("000123$é", ["json", "json", "base64"])
@example("000 123+é", ["html", "url", "base64"])
@settings(max_examples=200, deadline=None)
def test_no_encoding_up_to_three_deep_survives_the_redactor(secret, ways):
    text = f"before {encoded(secret, ways)} after"
    clean = knowing(secret).text(text)
    assert not any(secret.encode() in plain for plain in unveiled(clean.encode()))


@pytest.mark.parametrize("way", sorted(ENCODE))
def test_no_encoding_of_a_planted_secret_is_in_any_file(way, tmp_path):
    secret = "Zq8!hunter/2+é"
    data = exported(tmp_path, encoded(secret, [way]), knowing(secret))
    assert MASK.encode() in data
    assert encoded(secret, [way]).encode() not in data
    seen = (plain for line in sorted(words_around(data))[:20] for plain in opened(line[:20_000]))
    assert not any(secret.encode() in plain for plain in seen)


def test_without_a_redactor_that_knows_it_the_same_search_finds_the_secret(tmp_path):
    secret = "Zq8!hunter/2+é"
    data = exported(tmp_path, encoded(secret, ["base64"]), Redactor())
    assert any(secret.encode() in plain for line in words_around(data) for plain in opened(line))


@pytest.mark.parametrize("cut_at", [3, 7])
def test_a_secret_broken_over_lines_is_found(cut_at):
    secret = "Zq8!hunter/2+x"
    packed = base64.b64encode(secret.encode()).decode()
    for text in (secret, packed):
        broken = f"before {text[:cut_at]}\n  {text[cut_at:]} after"
        clean = knowing(secret).text(broken)
        assert not any(secret.encode() in plain for plain in unveiled(clean.encode()))


def test_ordinary_text_stays_as_it_is():
    text = (
        "primary_key sort_key author token_count monkey 8f8b3d6b-e7f8-4efd-ba15-e61fd1485868 "
        "sha256 5177952cb03de534aa27d7d5a6b0c8c1 osiris_dagster/drivers/duckdb/transform.py:68 2026-01-15T02:55:01.510Z"
    )
    assert knowing("Zq8!hunter/2+é").text(text) == text
