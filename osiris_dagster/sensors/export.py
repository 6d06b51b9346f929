"""One ended run in, its packages out: the one export that the sensor and `osiris run` call. Idempotent.

Building and proving happen in a child process, so that a large package cannot hold up or bring down the caller.
"""

from __future__ import annotations
