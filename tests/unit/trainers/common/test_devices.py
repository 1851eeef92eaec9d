"""Names of devices."""

from __future__ import annotations

import pytest

from trainers.common.devices import resolve_device
from trainers.common.errors import BadInput


def test_number_0_is_what_there_is() -> None:
    assert resolve_device("0") == resolve_device("auto")


@pytest.mark.parametrize("name", ["tpu", "cuda:99", "mps", "cpu:x"])
def test_devices_that_are_not_there(name: str) -> None:
    with pytest.raises(BadInput, match=f"--device {name}"):
        resolve_device(name)
