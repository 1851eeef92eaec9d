"""A step of training as one launch: recorded once on a CUDA device, then repeated.

On small networks a GPU spends most of a step waiting for launches; a recorded step is one.  What a step
reads and writes has to stay where it is: inputs are copied into tensors that it reads, results lie in tensors
that it writes, numbers of Python are those of the recording for ever.  Elsewhere a step is simply called.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import torch

_LOG = logging.getLogger(__name__)

WARM_UP = 3
"""Steps before the recording, as torch's documentation has it: libraries choose their kernels in them."""

Step = Callable[[], None]
_recording = threading.Lock()


class Recorder(Protocol):
    """What can record a step."""

    def aside(self, step: Step) -> None:
        """Take a step where a recording may follow."""

    def record(self, step: Step) -> Step:
        """Record a step without taking it, and return what takes it."""


class CudaRecorder:
    """Records into CUDA graphs."""

    def __init__(self, device: torch.device, generators: Sequence[torch.Generator] = ()) -> None:
        """`generators` are those that the step draws from."""
        self._device, self._generators = device, generators

    def aside(self, step: Step) -> None:
        """Take a step on a stream of its own."""
        stream, own = torch.cuda.Stream(self._device), torch.cuda.current_stream(self._device)
        stream.wait_stream(own)
        with torch.cuda.stream(stream):
            step()
        own.wait_stream(stream)

    def record(self, step: Step) -> Step:
        """Record a step."""
        graph = torch.cuda.CUDAGraph()
        for generator in self._generators:
            graph.register_generator_state(generator)
        # Other threads go on meanwhile; but a recording begins by waiting for the device, which ends another.
        with _recording, torch.cuda.device(self._device), _captured(graph):
            step()
        return graph.replay


def _captured(graph: torch.cuda.CUDAGraph) -> AbstractContextManager[object]:
    return torch.cuda.graph(graph, capture_error_mode="thread_local")


class WholeStep:
    """A step that is taken as it is at first, then recorded, then repeated."""

    def __init__(self, step: Step, recorder: Recorder | None) -> None:
        """Without a recorder the step is simply called."""
        self._step, self._recorder, self._repeat = step, recorder, step
        self._left = WARM_UP

    def __call__(self) -> None:
        """Take the step once."""
        if self._recorder is None:
            self._step()
        elif self._left:
            self._left -= 1
            self._recorder.aside(self._step)
        else:
            if self._repeat is self._step:
                self._repeat = self._recorded(self._recorder)
            self._repeat()

    def _recorded(self, recorder: Recorder) -> Step:
        """Return the recorded step, or the step itself where that fails: what is really wrong shows then."""
        try:
            return recorder.record(self._step)
        except RuntimeError as error:
            _LOG.warning("a step could not be recorded, and is launched piece by piece (%s)", error)
            self._recorder = None
            return self._step


def whole_step(step: Step, device: torch.device, generators: Sequence[torch.Generator] = ()) -> WholeStep:
    """Return a step that is recorded where the device can."""
    return WholeStep(step, CudaRecorder(device, generators) if device.type == "cuda" else None)
