"""AdamW for members: each with its own rate, decay and most norm, in as few calls as these allow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

CLIP_SLACK = 1e-6
"""As torch's `clip_grad_norm_` has it, so that both give the same steps."""
EPS = 1e-8


@dataclass(frozen=True)
class Pace:
    """How a member moves."""

    learning_rate: float
    weight_decay: float
    clip_norm: float
    """0 for any norm."""
    steps: int
    """Steps of its epochs."""


@dataclass(frozen=True)
class Factors:
    """What rate and decay are multiplied by, for each parameter."""

    rates: Mapping[str, float]
    decays: Mapping[str, float]


@dataclass(frozen=True)
class _Call:
    """Parameters that one call moves: of members of one pace, with the same factors of rate and decay."""

    pace: Pace
    factor: float
    decay: float
    names: list[str]
    members: list[int] | None
    """None for all of them."""
    rate: Tensor | None
    """Where the rate lies on a device that repeats recorded steps."""


class MemberAdamW:
    """AdamW (Loshchilov & Hutter, 2019); equal to `torch.optim.AdamW(fused=True)` member by member.

    With `stacked`, parameters are [M, …]; without, they are those of the only member.
    """

    def __init__(
        self,
        parameters: Mapping[str, Tensor],
        paces: Sequence[Pace],
        factors: Factors,
        betas: tuple[float, float],
        *,
        stacked: bool,
    ) -> None:
        self._parameters, self._paces, self._factors, self._betas = parameters, paces, factors, betas
        self._stacked = stacked
        self._means = {name: torch.zeros_like(value) for name, value in parameters.items()}
        self._squares = {name: torch.zeros_like(value) for name, value in parameters.items()}
        first = next(iter(parameters.values()))
        self._device = first.device
        self._steps = torch.zeros(len(paces), dtype=torch.float32, device=self._device)
        norms = [pace.clip_norm or float("inf") for pace in paces]
        self._norms = torch.tensor(norms, dtype=first.dtype, device=self._device)
        self._epoch_steps = torch.tensor([pace.steps for pace in paces], device=self._device)
        self._clips = any(pace.clip_norm for pace in paces)
        self._calls = self._planned()

    def set_rates(self, rate: Callable[[Pace], float]) -> None:
        """Put the rates of the next step where a recorded step reads them."""
        for call in self._calls:
            if call.rate is not None:
                call.rate.fill_(rate(call.pace) * call.factor)

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], rate: Callable[[Pace], float], number: int) -> None:
        """Move all members whose epochs have a step of this number, from 0.

        `gradients` are in the order of the parameters and are scaled in place.
        """
        # One call moves all numbers of a tensor in the order of memory.
        gradients = [gradient.contiguous() for gradient in gradients]
        if self._clips:
            self._clip(gradients)
        named = dict(zip(self._parameters, gradients, strict=True))
        moving = [call for call in self._calls if number < call.pace.steps]
        self._steps += self._epoch_steps > number
        for call in moving:
            self._move(call, named, rate)

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs."""
        return {"means": self._means, "squares": self._squares, "steps": self._steps}

    @torch.no_grad()
    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state of the same members."""
        self._steps.copy_(state["steps"])
        for name in self._parameters:
            self._means[name].copy_(state["means"][name])
            self._squares[name].copy_(state["squares"][name])

    def kept(self, parameters: Mapping[str, Tensor], members: Sequence[int]) -> MemberAdamW:
        """Return the optimiser of some of the stacked members, whose parameters are given."""
        paces = [self._paces[member] for member in members]
        made = MemberAdamW(parameters, paces, self._factors, self._betas, stacked=True)
        index = torch.tensor(list(members), device=self._device)
        made.restore(
            {
                "steps": self._steps[index],
                "means": {name: value[index] for name, value in self._means.items()},
                "squares": {name: value[index] for name, value in self._squares.items()},
            }
        )
        return made

    def _planned(self) -> list[_Call]:
        members: dict[Pace, list[int]] = {}
        for number, pace in enumerate(self._paces):
            same = Pace(pace.learning_rate, pace.weight_decay, 0.0, pace.steps)
            members.setdefault(same, []).append(number)
        names: dict[tuple[float, float], list[str]] = {}
        for name in self._parameters:
            names.setdefault((self._factors.rates[name], self._factors.decays[name]), []).append(name)
        return [
            self._call(pace, numbers, factors, group)
            for pace, numbers in members.items()
            for factors, group in names.items()
        ]

    def _call(self, pace: Pace, numbers: list[int], factors: tuple[float, float], names: list[str]) -> _Call:
        rate = torch.zeros((), device=self._device) if self._device.type == "cuda" else None
        members = None if len(numbers) == len(self._paces) else numbers
        return _Call(pace, factors[0], factors[1] * pace.weight_decay, names, members, rate)

    def _move(self, call: _Call, gradients: Mapping[str, Tensor], rate: Callable[[Pace], float]) -> None:
        values, moved = self._of(call, self._parameters), self._of(call, gradients)
        means, squares = self._of(call, self._means), self._of(call, self._squares)
        count = self._steps[0 if call.members is None else call.members[0]]
        update: Any = torch._fused_adamw_  # its rate may be a number or a tensor
        update(
            *(values, moved, means, squares, [], [count] * len(values)),
            lr=rate(call.pace) * call.factor if call.rate is None else call.rate,
            beta1=self._betas[0],
            beta2=self._betas[1],
            weight_decay=call.decay,
            eps=EPS,
            amsgrad=False,
            maximize=False,
        )

    def _of(self, call: _Call, values: Mapping[str, Tensor]) -> list[Tensor]:
        if call.members is None:
            return [values[name] for name in call.names]
        return [values[name][member] for name in call.names for member in call.members]

    def _clip(self, gradients: Sequence[Tensor]) -> None:
        if self._stacked:
            norms = torch.stack([torch.linalg.vector_norm(g.flatten(1), dim=1) for g in gradients])
        else:
            norms = torch.stack(torch._foreach_norm(list(gradients))).unsqueeze(1)
        scales_M = (self._norms / (torch.linalg.vector_norm(norms, dim=0) + CLIP_SLACK)).clamp(max=1.0)
        # A look at the scales costs less than a pass over all gradients, but on a GPU it would have to wait.
        if self._device.type == "cpu" and bool((scales_M == 1).all()):
            return
        if not self._stacked:
            torch._foreach_mul_(list(gradients), scales_M[0])
            return
        for gradient in gradients:
            gradient.mul_(scales_M.view(-1, *[1] * (gradient.dim() - 1)))
