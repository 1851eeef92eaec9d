"""The networks of members that are trained at once: drawn or inherited, stacked where they are several."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from trainers.common.seeds import derive_seed, seeded
from trainers.tabular.models.registry import (
    ModelSpec,
    build,
    decay_factors,
    load,
    rate_factors,
    with_own_dropout,
)
from trainers.tabular.models.stacking import StackedOneHot, stacked
from trainers.tabular.training.adamw import Factors
from trainers.tabular.training.members import Examples, Member, Options


class Networks:
    """Members as one network; of a single one the network as it is."""

    def __init__(
        self, spec: ModelSpec, members: Sequence[Member], examples: Examples, options: Options
    ) -> None:
        """Draw the weights of each member, or take those of its parent."""
        self._options = options
        drawn = [_drawn(spec, member, examples).to(options.device, options.dtype) for member in members]
        self.are_stacked = len(drawn) > 1
        self.module = (stacked(drawn) if self.are_stacked else drawn[0]).train()
        self.factors = Factors(rate_factors(drawn[0]), decay_factors(drawn[0]))
        self.are_compiled = options.compile and not self.are_stacked
        self._forward: Callable[..., Tensor] = (
            torch.compile(self.module) if self.are_compiled else self.module
        )

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        """The parameters by name: [M, …] of stacked members."""
        return dict(self.module.named_parameters())

    def outputs(self, batch: Examples) -> Tensor:
        """Return [M, N, outputs] for rows [M, N, …]."""
        with self._rounding():
            if self.are_stacked:
                return self._forward(batch.numeric, batch.categories)
            return self._forward(batch.numeric[0], batch.categories[0]).unsqueeze(0)

    @torch.no_grad()
    def weights(self, position: int) -> dict[str, Tensor]:
        """Return a copy of a member's weights as its network alone has them."""
        state = self.module.state_dict()
        return {k: (v[position] if self.are_stacked else v).detach().clone().cpu() for k, v in state.items()}

    @torch.no_grad()
    def keep(self, positions: Sequence[int]) -> None:
        """Go on with some of the stacked members alone."""
        index = torch.tensor(list(positions), device=self._options.device)
        for module in self.module.modules():
            for name, value in module.named_parameters(recurse=False):
                module._parameters[name] = nn.Parameter(value.detach()[index])
            if isinstance(module, StackedOneHot):
                module.absent_K, module.present_K = module.absent_K[index], module.present_K[index]

    def state(self) -> Mapping[str, Tensor]:
        """Return the weights of all members."""
        return self.module.state_dict()

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on with the weights of a state of the same members."""
        self.module.load_state_dict(dict(state))

    def _rounding(self) -> AbstractContextManager[object]:
        if self._options.precision != "bfloat16":
            return nullcontext()
        return torch.autocast(self._options.device.type, dtype=torch.bfloat16)


def _drawn(spec: ModelSpec, member: Member, examples: Examples) -> nn.Module:
    if member.start is not None:
        return with_own_dropout(load(spec, member.start))
    rows = examples.take(member.train.to(examples.numeric.device))
    with seeded(derive_seed(member.seed, "weights", 0)):
        return with_own_dropout(build(spec, rows.numeric.cpu().float(), rows.categories.cpu()))
