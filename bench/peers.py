"""Other tools to compare with, each in an environment of its own, made on first use; what cannot be had is left out.

They lie in `.venv/peers`, or in the folder that OSIRIS_BENCH_PEERS names. mysqlclient is built from source and needs a
compiler and the headers of a client library (`apt-get install default-libmysqlclient-dev`).
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from functools import cache
from pathlib import Path

_PLACE = Path(os.environ.get("OSIRIS_BENCH_PEERS") or Path(__file__).parents[1] / ".venv" / "peers")
_PEERS = {
    "dlt": ("dlt[filesystem,parquet,postgres,sql-database]==1.31.0", "connectorx==0.4.6", "pymysql", "psycopg2-binary"),
    "mysqlclient": ("mysqlclient==2.3.1", "pyarrow==26.0.1"),
    "osiris": ("osiris-pipeline==0.5.7",),
    "sling": ("sling-linux-amd64==1.4.11",),  # the last one whose wheel holds the program
}
_PROGRAMS = {
    "osiris": "bin/osiris",
    "sling": f"lib/python3.{sys.version_info.minor}/site-packages/sling_linux_amd64/bin/sling-linux-amd64",
}


@cache
def program_of(peer: str) -> str:
    """Return the peer's program, or the Python that has it; empty, with a word why, when it cannot be installed."""
    place = _PLACE / peer
    if not (place / "ready").exists():
        venv.create(place, with_pip=True, clear=True)
        made = subprocess.run(
            [place / "bin" / "pip", "install", "--quiet", *_PEERS[peer]], check=False, capture_output=True, text=True
        )
        if made.returncode:
            print(f"{peer} is not compared, as pip cannot install it: {made.stderr.strip().splitlines()[-1]}\n")
            return ""
        (place / "ready").touch()
    return str(place / _PROGRAMS.get(peer, "bin/python"))
