"""Recorded steps: what is taken when, with a recorder that writes it down, and the plain way without one."""

from __future__ import annotations

import pytest
import torch

from tests.support.recorded_steps import Recorder
from trainers.common.cuda_graphs import WARM_UP, CudaRecorder, Step, WholeStep, whole_step


def test_every_call_is_one_step_and_only_one_is_recorded() -> None:
    notes, taken = Recorder(), []
    step = WholeStep(lambda: taken.append(1), notes)
    for _ in range(WARM_UP + 3):
        step()
    assert len(taken) == WARM_UP + 3
    assert notes.said == ["aside"] * WARM_UP + ["record"] + ["repeat"] * 3


def test_without_a_recorder_the_step_is_called() -> None:
    taken: list[int] = []
    step = WholeStep(lambda: taken.append(1), None)
    for _ in range(WARM_UP + 3):
        step()
    assert len(taken) == WARM_UP + 3


def test_only_cuda_records() -> None:
    taken: list[int] = []
    step = whole_step(lambda: taken.append(1), torch.device("cpu"))
    for _ in range(WARM_UP + 2):
        step()
    assert len(taken) == WARM_UP + 2
    assert step._recorder is None
    assert isinstance(whole_step(lambda: None, torch.device("cuda", 0))._recorder, CudaRecorder)


def test_a_step_that_cannot_be_recorded_is_called_and_that_is_told(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Recorder):
        def record(self, step: Step) -> Step:
            raise RuntimeError("operation not permitted when stream is capturing")

    taken: list[int] = []
    step = WholeStep(lambda: taken.append(1), Failing())
    for _ in range(WARM_UP + 3):
        step()
    assert len(taken) == WARM_UP + 3
    assert [one.message for one in caplog.records] == [
        "a step could not be recorded, and is launched piece by piece "
        "(operation not permitted when stream is capturing)"
    ]
