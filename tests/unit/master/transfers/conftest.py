"""A courier between a head node and a worker, for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.courier_world import CourierWorld


@pytest.fixture
def world(tmp_path: Path) -> Iterator[CourierWorld]:
    """A world without pauses."""
    found = CourierWorld(tmp_path)
    yield found
    found.courier.close()
