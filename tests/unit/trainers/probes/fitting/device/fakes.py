"""A way to take recorded steps without a device that records."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from trainers.common.cuda_graphs import Step, WholeStep
from trainers.probes.fitting.device.arithmetic import Arithmetic, PlainArithmetic
from trainers.probes.fitting.device.ways import Ways


class Recorder:
    """Repeats a step by taking it again, and notes what it is asked for."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def aside(self, step: Step) -> None:
        self.said.append("aside")
        step()

    def record(self, step: Step) -> Step:
        self.said.append("record")

        def repeat() -> None:
            self.said.append("repeat")
            step()

        return repeat


def recorded_by(recorder: Recorder, arithmetic: Arithmetic | None = None) -> Ways:
    def whole(step: Step, generators: Sequence[torch.Generator]) -> WholeStep:
        assert list(generators) == [], "a CPU has none that are registered"
        return WholeStep(step, recorder)

    return Ways(whole, arithmetic or PlainArithmetic())
