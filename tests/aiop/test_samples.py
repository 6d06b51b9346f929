from __future__ import annotations

from pathlib import Path

import pytest
from samples import NAMES, SAMPLES, write_sample

from osiris_dagster.aiop.disk.verify import verify


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_of_the_documentation_is_what_an_export_writes_and_is_whole(name, tmp_path):
    assert files(SAMPLES / name) == files(write_sample(name, tmp_path))
    assert verify(SAMPLES / name) == []
