"""Photograph pages of the demo for `docs/img`, from a running UI (`make demo demo-failure ui`) with a broken file.

python docs/screenshots.py [URL]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.live.browser import browser

FOLDER = Path(__file__).parent / "img"
SETTLED = 3  # seconds for fonts and drawings after the text is there
PAGES = {
    "columns.png": ("/assets/carrier-report/report_csv", ("Row count", "aiop / carrier-report", "step report_csv")),
    "aiop.png": ("/assets/aiop/dirty-cast", ("run card", "core.jsonld")),
    "broken.png": ("/assets/osiris_broken/pipelines/half-done.yaml", ("does not compile", "the first fault")),
}


def main(url: str = "http://127.0.0.1:3000") -> None:
    """Write one picture for each page."""
    with browser(1400, 1087) as page:
        for name, (path, expected) in PAGES.items():
            page.open(url.rstrip("/") + path, *expected)
            time.sleep(SETTLED)
            page.photograph(FOLDER / name)


if __name__ == "__main__":
    main(*sys.argv[1:])
