"""When the kernels are taken, and what is said where they are not."""

from __future__ import annotations

import importlib.util
from dataclasses import replace

import pytest
import torch

from trainers.common.errors import BadInput
from trainers.sae.gpu.choice import Case, check_goes_on, takes_kernels
from trainers.sae.model.architecture import Architecture
from trainers.sae.model.optimiser import Rule

CUDA = Case(Architecture("topk", 12, 48, 4), Rule(), torch.device("cuda"), torch.float32)
CPU = replace(CUDA, device=torch.device("cpu"))


@pytest.fixture(autouse=True)
def with_triton(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.delenv("TRITON_INTERPRET")


def test_auto_takes_them_on_a_gpu_and_says_nothing_on_a_cpu() -> None:
    taken, line = takes_kernels("auto", CUDA)
    assert taken and line is not None and line.startswith("kernels: Triton")
    assert takes_kernels("auto", CPU) == (False, None)
    assert takes_kernels("plain", CUDA) == (False, None)


@pytest.mark.parametrize(
    ("case", "why"),
    [
        (replace(CUDA, form=Architecture("matryoshka", 12, 48, 4)), "they are not for matryoshka"),
        (replace(CUDA, dtype=torch.float64), "float32"),
        (replace(CUDA, rule=Rule(accumulate=2)), "accumulate"),
        (replace(CUDA, rule=Rule(decoupled=False, decay=0.1)), "AdamW"),
        (replace(CUDA, form=Architecture("topk", 9000, 48, 4)), "at most 8192 activations"),
    ],
)
def test_what_they_are_not_for_is_said_or_refused(case: Case, why: str) -> None:
    taken, line = takes_kernels("auto", case)
    assert not taken and line is not None and why in line
    with pytest.raises(BadInput, match=f"--kernels triton: .*{why}"):
        takes_kernels("triton", case)


def test_without_a_gpu_or_triton_they_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="there is no CUDA device"):
        takes_kernels("triton", CPU)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    missing = "Triton is not installed: pip install triton"
    assert takes_kernels("auto", CUDA) == (False, f"kernels: torch's own ({missing})")
    with pytest.raises(BadInput, match=f"{missing}; --overwrite"):
        check_goes_on(CUDA)
