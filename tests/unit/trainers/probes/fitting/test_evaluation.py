"""Logits of a whole split, however it is cut."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from trainers.probes.fitting import evaluation
from trainers.probes.fitting.evaluation import Evaluator

ROWS = torch.arange(12.0).view(6, 2)


def rows(dtype: torch.dtype = torch.float32) -> Any:
    """Return a split of six rows that comes in blocks of four and two."""

    def blocks() -> Iterator[torch.Tensor]:
        yield from ROWS.to(dtype).split(4)

    return SimpleNamespace(n_rows=6, n_features=2, blocks=blocks)


@pytest.mark.parametrize("stored", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("piece_bytes", [1, 24, 1 << 20])
def test_every_row_has_its_logits_in_the_order_of_the_file(
    monkeypatch: pytest.MonkeyPatch, stored: torch.dtype, piece_bytes: int
) -> None:
    monkeypatch.setattr(evaluation, "CPU_PIECE_BYTES", piece_bytes)
    evaluator = Evaluator(rows(stored), torch.float32, torch.device("cpu"))
    weights = torch.tensor([[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]])
    logits = evaluator.logits(lambda x: x @ weights, 3)
    assert torch.equal(logits, (ROWS @ weights).t())


def test_what_has_the_right_form_is_not_copied() -> None:
    evaluator = Evaluator(rows(), torch.float32, torch.device("cpu"))
    assert [len(piece) for piece in evaluator.pieces()] == [4, 2]


def test_what_has_not_is_converted_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "CPU_PIECE_BYTES", 3 * 2 * 8)
    evaluator = Evaluator(rows(), torch.float64, torch.device("cpu"))
    pieces = [(len(piece), piece.dtype) for piece in evaluator.pieces()]
    assert pieces == [(3, torch.float64), (1, torch.float64), (2, torch.float64)]
