"""What every connector has to do, as tests to inherit: the suites that those of the product inherit, too.

The only part of the package that needs pytest.
"""

import pytest

_MODULES = ("conformance", "inspection", "partitions", "processing", "tables", "workbench")

# Before any of them is imported: a failing assert of a suite is then as talkative as one of a test.
pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in _MODULES))
