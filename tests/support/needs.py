"""What a test needs of the machine: without it the test is skipped, or fails where nothing may be missing."""

import os
from typing import NoReturn

import pytest

REQUIRE_ALL = "TWOPHASE_REQUIRE_ALL"


class UnavailableError(Exception):
    """The machine lacks something; the text says what, and how to get it."""


def missing(reason: str) -> NoReturn:
    """Skip the running test for `reason`; with `TWOPHASE_REQUIRE_ALL=1` in the environment, fail it."""
    if os.environ.get(REQUIRE_ALL) == "1":
        pytest.fail(f"{REQUIRE_ALL}=1 and {reason}", pytrace=False)
    pytest.skip(reason)
