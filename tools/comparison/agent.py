"""Runs in the interpreter of one checkout: calls of the `osiris` command in, exit codes and what was printed out.

The command is found by the console script of that name, whatever module it leads to. Each request has a fork of this
process to itself, so nothing that one leaves in memory meets the next. What a fork had to import is imported here
afterwards, so only the first of its kind pays for it.

One JSON value a line. Request: {cwd, env, timeout, calls: [{argv, interrupt_after}]}. Answer: {calls: [{code, out,
err}]}; a call that does not end in time has the code "timeout", and so have those after it.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import json
import os
import select
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any


def serve(answers: io.TextIOBase) -> None:
    """Answer every request on standard input."""
    (entry,) = entry_points(group="console_scripts", name="osiris")
    command = entry.load()
    for line in sys.stdin:
        request = json.loads(line)
        answer = _forked(command, request)
        _warm(answer.pop("modules", []))
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _warm(names: list[str]) -> None:
    for name in names:
        try:
            importlib.import_module(name)
        except Exception:  # noqa: BLE001, S112 - a module that only its parent can import costs time, nothing else
            continue
    gc.freeze()  # a fork shares these objects until somebody writes to them


def _forked(command: Callable[[], Any], request: dict[str, Any]) -> dict[str, Any]:
    mine, its = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(mine)
        _work(command, request, its)
    os.close(its)
    parts: list[bytes] = []
    while select.select([mine], [], [], request["timeout"])[0]:
        part = os.read(mine, 1 << 20)
        if not part:
            break
        parts.append(part)
    else:
        os.kill(child, signal.SIGKILL)
    os.close(mine)
    os.waitpid(child, 0)
    lines = b"".join(parts).decode().splitlines()
    modules = json.loads(lines.pop()) if lines and lines[-1].startswith("[") else []
    calls = [json.loads(line) for line in lines]
    lost = [{"code": "timeout", "out": "", "err": ""}] * (len(request["calls"]) - len(calls))
    return {"calls": calls + lost, "modules": modules}


def _work(command: Callable[[], Any], request: dict[str, Any], answers: int) -> None:
    """Be the fork: make the calls, tell each result at once, and go."""
    os.chdir(request["cwd"])
    os.environ.update(request["env"])
    before = set(sys.modules)
    with os.fdopen(answers, "w") as told:
        for call in request["calls"]:
            told.write(json.dumps(_call(command, call)) + "\n")
            told.flush()
        told.write(json.dumps(sorted(set(sys.modules) - before)) + "\n")
    os._exit(0)


def _call(command: Callable[[], Any], call: dict[str, Any]) -> dict[str, Any]:
    sys.argv = ["osiris", *call["argv"]]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        timer = None
        if after := call.get("interrupt_after"):
            timer = threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT))
            timer.start()
        code = _exit_code(command)
        if timer:
            timer.cancel()
        atexit._run_exitfuncs()  # the command believes that it is a process of its own
        sys.stdout.flush()
        sys.stderr.flush()
        return {"code": code, "out": _text(out), "err": _text(err)}


def _exit_code(command: Callable[[], Any]) -> str:
    try:
        code: Any = command()
    except SystemExit as left:
        code = left.code
    except BaseException:  # noqa: BLE001 - a traceback is a result like any other
        traceback.print_exc()
        return "traceback"
    return str(code or 0)


def _text(file: Any) -> str:
    file.seek(0)
    content: bytes = file.read()
    return content.decode("utf-8", "backslashreplace")


if __name__ == "__main__":
    sink = os.open(os.devnull, os.O_WRONLY)
    with os.fdopen(os.dup(1), "w") as pipe:
        os.dup2(sink, 1)
        serve(pipe)
    os._exit(0)  # with frozen objects an orderly end would be told of leaks
