"""Steps are recorded on CUDA devices alone, and doubles are left to torch."""

from __future__ import annotations

import pytest
import torch

from trainers.common.cuda_graphs import CudaRecorder
from trainers.probes.fitting.device import ways
from trainers.probes.fitting.device.arithmetic import PlainArithmetic
from trainers.probes.fitting.device.ways import ways_of


def test_only_cuda_records(monkeypatch: pytest.MonkeyPatch) -> None:
    kernels, gpu = PlainArithmetic(), torch.device("cuda", 0)
    monkeypatch.setattr(ways, "arithmetic_of", lambda device: kernels)
    for name in ("cpu", "mps"):
        assert ways_of(torch.device(name), torch.float32) is None
    single, double = (ways_of(gpu, dtype) for dtype in (torch.float32, torch.float64))
    assert single is not None and double is not None
    assert single.arithmetic is kernels and double.arithmetic is not kernels
    assert isinstance(single.whole(lambda: None, [])._recorder, CudaRecorder)
