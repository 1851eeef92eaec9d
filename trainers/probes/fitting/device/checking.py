"""Kernels that are used only where they do what torch's operations do: tried once on each device."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from trainers.probes.fitting.device.arithmetic import Arithmetic, Examples, Logits, Moving, PlainArithmetic
from trainers.probes.reading.inputs import Standardisation

_LOG = logging.getLogger(__name__)
_ROWS, _COLUMNS, _WIDTH = 70, 13, 40
_TOLERANCE = 1e-4


@cache
def arithmetic_of(device: torch.device) -> Arithmetic:
    """Return kernels that were seen to work on the device, else torch's own operations."""
    return checked(_kernels, device)


def checked(make: Callable[[], Arithmetic], device: torch.device) -> Arithmetic:
    """Return what is made where it agrees with torch's operations on the device, else these."""
    try:
        made = make()
        why = _difference(_results(made, device), _results(PlainArithmetic(), device))
    except Exception as error:  # a compiler that is missing, a driver that is too old: all the same here
        why = f"{type(error).__name__}: {error}"
    if not why:
        return made
    _LOG.warning("probes: kernels cannot be used on %s, steps take longer (%s)", device, why)
    return PlainArithmetic()


def _kernels() -> Arithmetic:
    from trainers.probes.fitting.device.kernels import KernelArithmetic

    return KernelArithmetic()


def _difference(found: dict[str, Tensor], expected: dict[str, Tensor]) -> str:
    wrong = [
        name
        for name, value in expected.items()
        if not torch.allclose(found[name].float(), value.float(), rtol=_TOLERANCE, atol=_TOLERANCE)
    ]
    return f"{', '.join(wrong)} differ from those of torch" if wrong else ""


def _results(arithmetic: Arithmetic, device: torch.device) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).to(device)

    out = drawn(_ROWS, _WIDTH)
    inputs = Standardisation(drawn(_WIDTH), drawn(_WIDTH).exp())
    rows = torch.arange(_ROWS, device=device) % 9
    arithmetic.gather(Examples(drawn(9, _WIDTH), rows, inputs, drawn(_ROWS, _WIDTH) > 0), out)
    y = (drawn(_ROWS, _COLUMNS) > 1).to(torch.uint8)
    logits = Logits(drawn(_ROWS, _COLUMNS), drawn(_COLUMNS), y, drawn(_COLUMNS).exp(), 1.25)
    slopes = arithmetic.slopes(logits, torch.float32)
    moving = Moving(
        *(drawn(_COLUMNS, _WIDTH), drawn(_COLUMNS, _WIDTH), drawn(_COLUMNS, _WIDTH).exp()),
        *(drawn(_COLUMNS).exp(), drawn(_COLUMNS).exp()),
        powers=torch.tensor([0.5, 0.9], dtype=torch.float64, device=device),
    )
    arithmetic.move(moving, drawn(_COLUMNS, _WIDTH))
    return {
        **{"rows": out, "losses": slopes.loss_C, "biases": slopes.bias_C, "slopes": slopes.slope_BC},
        **{"weights": moving.values, "means": moving.first, "squares": moving.second},
    }
