"""Make the asserts of the shared suite as talkative as those of a test."""

import pytest

pytest.register_assert_rewrite("tests.drivers.conformance", "tests.drivers.workbench")
