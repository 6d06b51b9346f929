"""Imports the product once and forks for each text: what is asked comes pickled, the answer leaves as a line of JSON.

python hostile_server.py CPU_SECONDS MEMORY_BYTES. The limits hold for each fork alone.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import sys

from osiris_dagster.oml.compose import compose
from osiris_dagster.oml.fix import fix
from osiris_dagster.oml.layout import MeaningChanged, formatted
from osiris_dagster.oml.render import render
from osiris_dagster.oml.upgrade import upgrade
from osiris_dagster.oml.validate import validate
from osiris_dagster.specs.load import load_catalogue

catalogue = load_catalogue()


def checked(data):
    return validate(data, "a.yaml", catalogue)


def answer(verb, data):
    if verb == "validate":
        result = checked(data)
        found = [[finding.code, finding.place.line] for finding in result.diagnostics]
        return {"ok": result.ok, "found": found[:20], "shown": len(render(result.diagnostics))}
    if verb == "fix":
        return {"mended": len(fix(checked(data), checked).mended)}
    if verb == "spin":
        while True:
            pass
    if verb == "hoard":
        return {"hoarded": len(bytearray(1024 * 1024 * 1024))}
    document = compose(data, "a.yaml")
    if not document.whole or document.faults or not isinstance(document.value, dict):
        return {"refused": True}
    try:
        return {"text": len(formatted(document)), "upgraded": len(upgrade(document).text)}
    except MeaningChanged:
        return {"left alone": True}


def main(cpu, memory):
    while True:
        try:
            verb, data = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        child = os.fork()
        if not child:
            resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
            code = 1
            try:
                sys.stdout.write(json.dumps(answer(verb, data)) + "\n")
                sys.stdout.flush()
                code = 0
            finally:
                os._exit(code)
        used = os.wait4(child, 0)
        if used[1]:
            sys.stdout.write(json.dumps({"ended": used[1]}) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
