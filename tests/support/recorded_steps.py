"""A way to take recorded steps without a device that records."""

from __future__ import annotations

from trainers.common.cuda_graphs import Step


class Recorder:
    """Repeats a step by taking it again, on the same tensors, and notes what it is asked for."""

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
