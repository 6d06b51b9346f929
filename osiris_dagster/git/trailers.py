"""What the commit says that brought a text: the values of its trailers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_TIMEOUT = 10.0  # seconds; a long history is searched commit by commit
_HARMLESS = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")  # a repository may name programs to run


def trailers_of(folder: Path, text: str, name: str) -> tuple[str, ...]:
    """Return the values of a trailer in the first commit below HEAD that has exactly this text in a file of `folder`.

    Later commits do not change the answer. Nothing when there is no text, no git, no repository, no such commit, or no
    answer in ten seconds.
    """
    blob = _git(folder, "hash-object", "--stdin", given=text) if text else ""
    if not blob:
        return ()
    commits = _git(folder, "log", "--reverse", "--format=%H", f"--find-object={blob}", "--", ".")
    first = commits.splitlines()[:1]
    if not first:
        return ()
    wanted = f"%(trailers:key={name},valueonly,unfold)"
    told = _git(folder, "show", "--no-patch", f"--format={wanted}", first[0])
    return tuple(value for line in told.splitlines() if (value := line.strip()))


def _git(folder: Path, *arguments: str, given: str = "") -> str:
    """Return what git prints, stripped; nothing when it cannot answer."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 - fixed words, and names that this package chose
            ["git", *_HARMLESS, *arguments],  # noqa: S607 - the user's git, as everywhere
            cwd=folder,
            env=env,
            input=given.encode(),
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""
