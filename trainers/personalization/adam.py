"""Adam over one flat vector."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class FlatAdam:
    """Adam (Kingma & Ba, 2015) for all parameters of a network at once.

    Equal to `torch.optim.Adam` but for rounding.  Two reasons not to use that one: its constructor imports
    `torch._dynamo`, which takes longer than `import torch` and than many a small job; and on small networks a
    step over one vector costs a fraction of a step over a list of tensors.
    """

    def __init__(
        self,
        network: nn.Module,
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        average: float = 0.0,
    ) -> None:
        """Replace the parameters and gradients of `network` by views of two flat vectors.

        `average` is how much of the running mean of the parameters stays from step to step; 0 keeps none.
        """
        parameters = list(network.parameters())
        self._lr, self._betas, self._eps = lr, betas, eps
        self._values = torch.cat([p.detach().flatten() for p in parameters])
        self._gradients = torch.zeros_like(self._values)
        self._means = torch.zeros_like(self._values)
        self._squares = torch.zeros_like(self._values)
        self._steps = 0
        self._keep = average
        self._mean_values = self._values.clone() if average else self._values
        sizes = [p.numel() for p in parameters]
        views = zip(parameters, self._values.split(sizes), self._gradients.split(sizes), strict=True)
        for parameter, value, gradient in views:
            parameter.data = value.view_as(parameter)
            parameter.grad = gradient.view_as(parameter)

    @torch.no_grad()
    def step(self, rate: float = 1.0) -> None:
        """Move the parameters along the gradients of the last `backward`, then zero the gradients.

        `rate` is the share of the learning rate that is used.
        """
        self._steps += 1
        fade_mean, fade_square = self._betas
        self._means.lerp_(self._gradients, 1 - fade_mean)
        self._squares.mul_(fade_square).addcmul_(self._gradients, self._gradients, value=1 - fade_square)
        scale = (1 - fade_square**self._steps) ** 0.5
        divisor = self._squares.sqrt().div_(scale).add_(self._eps)
        self._values.addcdiv_(self._means, divisor, value=-rate * self._lr / (1 - fade_mean**self._steps))
        self._gradients.zero_()
        if self._keep:
            # Over the first steps a mean of few, or the initial parameters would stay in it.
            keep = min(self._keep, self._steps / (self._steps + 10))
            self._mean_values.lerp_(self._values, 1 - keep)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within the block the network has the running mean of its parameters."""
        if not self._keep:
            yield
            return
        own = self._values.clone()
        self._values.copy_(self._mean_values)
        try:
            yield
        finally:
            self._values.copy_(own)

    def take_average(self) -> None:
        """Leave the network with the running mean of its parameters."""
        if self._keep:
            self._values.copy_(self._mean_values)

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` needs to go on from here."""
        state = {"steps": self._steps, "means": self._means, "squares": self._squares}
        return {**state, "average": self._mean_values} if self._keep else state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state; RuntimeError where it belongs to a network of another size."""
        means: Tensor = state["means"]
        self._means.copy_(means)
        self._squares.copy_(state["squares"])
        self._steps = int(state["steps"])
        if self._keep:
            self._mean_values.copy_(state["average"])
