"""The dense layers of M networks of one shape: their answers, and the way back written out.

What autograd keeps and copies on this way takes longer than the products of small networks.  Here they lie
at once where Adam reads them.

Shapes: M networks, B windows of each, F features, K classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

Tape = list[tuple[nn.Module, Tensor]]
"""Each layer, and what its way back needs: the input of a product, what else a layer has made or dropped."""


def split_off_dense(layers: nn.Sequential) -> tuple[nn.Sequential, nn.Sequential]:
    """Return the layers before the first dense one or dropout, and all from there on."""
    listed = list(layers)
    first = next(place for place, one in enumerate(listed) if isinstance(one, (nn.Dropout, nn.Linear)))
    return nn.Sequential(*listed[:first]), nn.Sequential(*listed[first:])


def linear(X_MBF: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return what the M layers of these weights [M, out, in] and biases [M, out] make of their inputs."""
    return torch.bmm(X_MBF, weight.transpose(1, 2)).add_(bias[:, None])


def forward(
    layers: nn.Sequential, X_MBF: Tensor, leaves: Iterator[Tensor], masks: Iterator[Tensor]
) -> tuple[Tensor, Tape]:
    """Return the logits [M, B, K], and what `backward` needs; `masks` are what dropout multiplies by."""
    tape: Tape = []
    given = X_MBF
    for layer in layers:
        if isinstance(layer, nn.Dropout):
            mask = next(masks, None)
            if mask is None:
                continue
            X_MBF = X_MBF * mask if X_MBF is given else X_MBF.mul_(mask)
            tape.append((layer, mask))
        elif isinstance(layer, nn.Linear):
            tape.append((layer, X_MBF))
            X_MBF = linear(X_MBF, next(leaves), next(leaves))
        else:
            # What dropout drops of it later is 0 as well, and nothing comes back for either.
            X_MBF = X_MBF.relu_()
            tape.append((layer, X_MBF))
    return X_MBF, tape


def backward(
    tape: Tape, asked_MBK: Tensor, leaves: Sequence[Tensor], into: Sequence[Tensor], *, to_input: bool
) -> Tensor | None:
    """Write the gradients of all weights for that of the logits; return that of the input, if asked for.

    `leaves` are the weights and biases of the layers, in order, and `into` the places of their gradients.
    """
    found, place = asked_MBK, len(leaves)
    last = next(number for number, (layer, _) in enumerate(tape) if isinstance(layer, nn.Linear))
    for number in range(len(tape) - 1, -1, -1):
        layer, kept = tape[number]
        if isinstance(layer, nn.Linear):
            place -= 2
            torch.bmm(found.transpose(1, 2), kept, out=into[place])
            torch.sum(found, 1, out=into[place + 1])
            if number == last and not to_input:
                return None
            found = torch.bmm(found, leaves[place])
        elif isinstance(layer, nn.Dropout):
            found = found.mul_(kept)
        else:
            found = torch.ops.aten.threshold_backward(found, kept, 0)
    return found
