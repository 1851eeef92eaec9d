"""The loss that comes back: all of it with perfect reconstructions, none with zeros."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from trainers.common.errors import BadInput
from trainers.sae.measures.recovered import block_of, recovered


class Block(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor]:
        return (x + 0.5 * x.roll(1, -1),)


class Model(nn.Module):
    """Tells the token after the one it sees, from one-hot states."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Block(), Block()])

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> SimpleNamespace:
        x = nn.functional.one_hot((input_ids + 1) % 7, 7).float() * 4 * attention_mask[:, :, None]
        for block in self.blocks:
            (x,) = block(x)
        return SimpleNamespace(logits=x)


IDS = torch.tensor([[1, 2, 3, 4], [4, 5, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])


def test_all_none_and_some_of_the_loss_come_back() -> None:
    model = Model()
    everything = recovered(model, 1, [(IDS, MASK)], lambda x: x)
    assert everything.loss_recovered == 1.0 and everything.tokens == 4
    assert recovered(model, 1, [(IDS, MASK)], torch.zeros_like).loss_recovered == pytest.approx(0.0)
    half = recovered(model, 1, [(IDS[:1], MASK[:1]), (IDS[1:], MASK[1:])], lambda x: x / 2)
    assert 0.1 < half.loss_recovered < 0.95
    assert half.loss_of_model == pytest.approx(everything.loss_of_model)
    assert half.loss_without == pytest.approx(torch.log(torch.tensor(7.0)).item(), rel=1e-5)


def test_only_tokens_of_the_text_are_changed() -> None:
    seen: list[int] = []
    recovered(Model(), 1, [(IDS, MASK)], lambda x: seen.append(len(x)) or x)  # type: ignore[func-returns-value]
    assert seen == [6]


def test_what_cannot_be_measured_is_told() -> None:
    model = Model()
    for layer in (0, 2):
        with pytest.raises(BadInput, match=f"layer {layer}: must be of 1 to 1"):
            block_of(model, layer)
    with pytest.raises(BadInput, match="no token that another one comes before"):
        recovered(model, 1, [(IDS[:, :1], MASK[:, :1])], lambda x: x)
    with pytest.raises(BadInput, match="nothing can be recovered"):
        recovered(model, 1, [(IDS.flip(1), torch.ones_like(MASK))], lambda x: x)
