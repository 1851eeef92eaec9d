"""How much of a language model's loss comes back when reconstructions take the place of its activations.

0 is as bad as zeros in their place, 1 as good as the activations.  Any model will do that takes `input_ids`
and `attention_mask`, returns `logits` [B, T, V], and has its blocks in one `ModuleList`, as those of Hugging
Face have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from trainers.common.errors import BadInput

Batch = tuple[Tensor, Tensor]
"""Tokens [B, T], padded on the right, and the mask [B, T] of those that are text."""
Change = Callable[[Tensor], Tensor]
"""From activations [n, D] to what takes their place."""


@dataclass(frozen=True)
class Recovered:
    """Mean losses of the next token, in nats."""

    tokens: int
    """That were predicted."""
    loss_of_model: float
    loss_with_sae: float
    loss_without: float
    """With zeros in the activations' place."""

    @property
    def loss_recovered(self) -> float:
        """Share of what zeros cost that reconstructions do not."""
        return (self.loss_without - self.loss_with_sae) / (self.loss_without - self.loss_of_model)


def recovered(model: nn.Module, layer: int, batches: Iterable[Batch], reconstruct: Change) -> Recovered:
    """Return the losses; `layer`: 1 is after the first block.  BadInput where the texts tell nothing."""
    block = block_of(model, layer)
    totals, tokens = torch.zeros(3, dtype=torch.float64), 0
    for ids, mask in batches:
        changes: list[Change | None] = [None, reconstruct, torch.zeros_like]
        totals += torch.tensor([_loss(model, block, (ids, mask), change) for change in changes])
        tokens += int((mask[:, 1:] * mask[:, :-1]).sum())
    if not tokens:
        raise BadInput("the texts have no token that another one comes before")
    own, with_sae, without = (totals / tokens).tolist()
    if without <= own:
        raise BadInput(
            f"zeros in place of layer {layer} make the model no worse ({without:.4g}, {own:.4g} with its "
            "activations): nothing can be recovered; is it the model that the activations are of?"
        )
    return Recovered(tokens, own, with_sae, without)


def block_of(model: nn.Module, layer: int) -> nn.Module:
    """Return the block whose output a layer's activations are; BadInput where there is none."""
    lists = [one for one in model.modules() if isinstance(one, nn.ModuleList)]
    blocks = max(lists, key=len, default=nn.ModuleList())
    if not 1 <= layer < len(blocks):
        raise BadInput(
            f"layer {layer}: must be of 1 to {len(blocks) - 1}, after which the model has blocks left; the "
            "last one's activations are usually taken after the final norm"
        )
    return blocks[layer - 1]


@torch.no_grad()
def _loss(model: nn.Module, block: nn.Module, batch: Batch, change: Change | None) -> float:
    """Return the sum of the losses of all tokens but first ones."""
    ids, mask = batch

    def replace(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        if change is None:
            return output
        states = output[0] if isinstance(output, tuple) else output
        made = states.clone()
        made[mask.bool()] = change(states[mask.bool()].float()).to(states.dtype)
        return (made, *output[1:]) if isinstance(output, tuple) else made

    handle = block.register_forward_hook(replace)
    try:
        logits = model(input_ids=ids, attention_mask=mask).logits
    finally:
        handle.remove()
    targets = torch.where((mask[:, 1:] * mask[:, :-1]).bool(), ids[:, 1:], -100)
    return float(
        nn.functional.cross_entropy(logits[:, :-1].float().flatten(0, 1), targets.flatten(), reduction="sum")
    )
