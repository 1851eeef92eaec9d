"""A way to take recorded steps without a device that records."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from tests.support.recorded_steps import Recorder
from trainers.common.cuda_graphs import Step, WholeStep
from trainers.probes.fitting.device.arithmetic import Arithmetic, PlainArithmetic
from trainers.probes.fitting.device.ways import Ways


def recorded_by(recorder: Recorder, arithmetic: Arithmetic | None = None) -> Ways:
    def whole(step: Step, generators: Sequence[torch.Generator]) -> WholeStep:
        assert list(generators) == [], "a CPU has none that are registered"
        return WholeStep(step, recorder)

    return Ways(whole, arithmetic or PlainArithmetic())
