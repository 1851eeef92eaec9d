"""The validation of many networks at once.

Shapes: M networks, V validation windows, C channels, T samples, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from trainers.personalization.data import Windows
from trainers.personalization.fitting.layers import forward
from trainers.personalization.fitting.rows import Layout
from trainers.personalization.scoring import Scores, scores_of_many

_ALIGNED = 64
_CHUNK = 512
"""Windows of a network at a time."""


class Validation:
    """The validation windows of all networks; those with about as many are looked at together."""

    def __init__(self, windows: Sequence[Windows], layers: nn.Sequential) -> None:
        self._windows, self._layers = list(windows), layers
        self._arrange()

    def _arrange(self) -> None:
        alike: dict[int, list[int]] = {}
        for member, one in enumerate(self._windows):
            alike.setdefault(-(-len(one) // _ALIGNED) * _ALIGNED, []).append(member)
        self._groups = [
            (members, torch.stack([_filled_up(self._windows[member].X_NCT, size) for member in members]))
            for size, members in alike.items()
        ]

    def cut(self, kept: Sequence[int]) -> None:
        """Forget the windows of all networks but those that are kept."""
        self._windows = [self._windows[member] for member in kept]
        self._arrange()

    @torch.no_grad()
    def scores(self, layout: Layout, values_MP: Tensor) -> list[Scores]:
        """Return the scores of networks with these parameters, without dropout."""
        answers: dict[int, Tensor] = {}
        for members, X_MVCT in self._groups:
            rows = values_MP[torch.tensor(members, device=values_MP.device)]
            leaves = layout.views(rows)
            parts = [forward(self._layers, part, iter(leaves)) for part in X_MVCT.split(_CHUNK, dim=1)]
            for member, answer_VK in zip(members, torch.cat(parts, dim=1), strict=True):
                answers[member] = answer_VK[: len(self._windows[member])]
        return self._scored([answers[member] for member in range(len(self._windows))])

    def _scored(self, answers: Sequence[Tensor]) -> list[Scores]:
        pairs = list(zip(answers, (one.y_N for one in self._windows), strict=True))
        losses = torch.stack([nn.functional.cross_entropy(answer, y) for answer, y in pairs])
        sizes = torch.tensor([len(y) for _, y in pairs], device=losses.device)
        owner = torch.arange(len(pairs), device=losses.device).repeat_interleave(sizes)
        chosen, truth = torch.cat([a.argmax(1) for a in answers]), torch.cat([y for _, y in pairs])
        return scores_of_many(losses.tolist(), owner, truth, chosen, answers[0].shape[1])


def _filled_up(X_VCT: Tensor, size: int) -> Tensor:
    lacking = X_VCT.new_zeros(size - len(X_VCT), *X_VCT.shape[1:])
    return torch.cat([X_VCT, lacking])
