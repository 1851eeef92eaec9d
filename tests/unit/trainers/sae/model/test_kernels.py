"""When the kernels are taken, and what is said where they are not."""

from __future__ import annotations

import importlib.util
from dataclasses import replace

import pytest
import torch

from trainers.common.errors import BadInput
from trainers.sae.cpu.build import NoLibrary
from trainers.sae.model import kernels
from trainers.sae.model.architecture import Architecture
from trainers.sae.model.kernels import Case, check_goes_on, kernels_of
from trainers.sae.model.optimiser import Rule

CUDA = Case(Architecture("topk", 12, 48, 4), Rule(), torch.device("cuda"), torch.float32)
CPU = replace(CUDA, device=torch.device("cpu"))


@pytest.fixture(autouse=True)
def with_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(kernels, "library", lambda: None)
    monkeypatch.delenv("TRITON_INTERPRET")


def test_auto_takes_those_of_the_device() -> None:
    for case, wanted, name in ((CUDA, "triton", "Triton"), (CPU, "compiled", "C++")):
        taken, line = kernels_of("auto", case)
        assert taken == wanted and line is not None and line.startswith(f"kernels: {name}")
        assert kernels_of("plain", case) == ("plain", None)


@pytest.mark.parametrize(
    ("case", "why"),
    [
        (replace(CUDA, form=Architecture("relu", 12, 48)), "they are not for relu"),
        (replace(CUDA, form=Architecture("jumprelu", 12, 48, 4, target="tanh")), "not for the target tanh"),
        (replace(CUDA, dtype=torch.float64), "float32"),
        (replace(CUDA, rule=Rule(accumulate=2)), "accumulate"),
        (replace(CUDA, rule=Rule(decoupled=False, decay=0.1)), "AdamW"),
        (replace(CUDA, form=Architecture("topk", 9000, 48, 4)), "at most 8192 activations"),
    ],
)
def test_what_they_are_not_for_is_said_or_refused(case: Case, why: str) -> None:
    taken, line = kernels_of("auto", case)
    assert taken == "plain" and line is not None and why in line
    with pytest.raises(BadInput, match=f"--kernels triton: .*{why}"):
        kernels_of("triton", case)


def test_without_a_gpu_or_triton_they_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="--kernels triton: there is no CUDA device"):
        kernels_of("triton", CPU)
    with pytest.raises(BadInput, match="--kernels compiled: they are for a CPU"):
        kernels_of("compiled", CUDA)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    missing = "Triton is not installed: pip install triton"
    assert kernels_of("auto", CUDA) == ("plain", f"kernels: torch's own ({missing})")
    with pytest.raises(BadInput, match=f"kernels in Triton until now, and {missing}; --overwrite"):
        check_goes_on("triton", CUDA)
    check_goes_on("plain", CUDA)


def test_without_a_compiler_torch_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> None:
        raise NoLibrary("there is no C++ compiler")

    monkeypatch.setattr(kernels, "library", none)
    assert kernels_of("auto", CPU) == ("plain", "kernels: torch's own (there is no C++ compiler)")
    with pytest.raises(BadInput, match=r"--kernels compiled: there is no C\+\+ compiler; leave it out"):
        kernels_of("compiled", CPU)
