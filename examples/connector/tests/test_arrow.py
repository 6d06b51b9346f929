"""What every connector has to do, done by this one. Run it where the package is installed."""

from osiris_dagster.testing.conformance import DriverConformance, Store
from osiris_dagster.testing.inspection import InspectionConformance, Source


def place(name):
    return {"path": f"{name}.arrow"}


class TestArrow(DriverConformance):
    store = Store("arrow.extractor", "arrow.writer", place=place, refused=frozenset())


class TestArrowInspection(InspectionConformance):
    source = Source(
        "arrow.extractor",
        "arrow.writer",
        connection={},
        place=place,
        shown=lambda name: ("", f"{name}.arrow"),
        broken={"not_found": {"folder": "nowhere"}},
        has_server=False,
    )
