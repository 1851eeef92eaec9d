"""Names of devices."""

from __future__ import annotations

import pytest
import torch

from trainers.common.devices import resolve_device, usable_cores, wide, widest
from trainers.common.errors import BadInput


def test_number_0_is_what_there_is() -> None:
    assert resolve_device("0") == resolve_device("auto")


def test_mps_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    device = resolve_device("mps")
    assert (device.type, widest(device)) == ("mps", torch.float32)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(BadInput, match="--device mps: this machine has no MPS device"):
        resolve_device("mps")


def test_sums_are_as_wide_as_the_device_adds() -> None:
    assert widest(torch.device("cpu")) == wide(torch.ones(2)).dtype == torch.float64
    assert usable_cores() >= 1


@pytest.mark.parametrize("name", ["tpu", "cuda:99", "mps", "cpu:x"])
def test_devices_that_are_not_there(name: str) -> None:
    with pytest.raises(BadInput, match=f"--device {name}"):
        resolve_device(name)
