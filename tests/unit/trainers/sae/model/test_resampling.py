"""Dead latents become directions of examples with large errors."""

from __future__ import annotations

import pytest
import torch

from tests.unit.trainers.sae.data import activations, sae
from trainers.sae.model.architecture import KINDS, Kind
from trainers.sae.model.encoder import inference_codes
from trainers.sae.model.resampling import drawn, redrawn

DEAD = torch.arange(48) % 8 == 0


def test_examples_are_drawn_by_the_square_of_their_loss_and_none_twice() -> None:
    squares = torch.tensor([0.0, 1.0, 2.0, 0.0])
    draws = [int(drawn(squares, 1, torch.Generator().manual_seed(seed))) for seed in range(400)]
    assert set(draws) == {1, 2}
    assert draws.count(2) / 400 == pytest.approx(4 / 5, abs=0.07)
    assert sorted(drawn(squares, 2, torch.Generator()).tolist()) == [1, 2]
    assert len(drawn(squares, 9, torch.Generator())) == 9  # more than there are examples
    assert len(drawn(torch.zeros(4), 9, torch.Generator())) == 9


@pytest.mark.parametrize("kind", KINDS)
def test_rows_point_at_their_examples_with_the_lengths_of_the_recipe(kind: Kind) -> None:
    known, x = sae(kind), activations(6)
    found = redrawn(known.form, known.parameters, DEAD, x)
    seen = x - known.parameters["b_dec"] if known.form.centres else x
    for name, share in (("W_enc", 0.2), ("W_dec", 1.0)):
        length = known.parameters[name][~DEAD].norm(dim=1).mean() * share
        torch.testing.assert_close(found[name].norm(dim=1), length.expand(6))
        assert float(torch.cosine_similarity(found[name], seen).min()) > 0.9999
    assert not found["b_enc"].any() and found.keys() <= known.parameters.keys()


def test_a_jumprelu_latent_is_active_for_its_example() -> None:
    known, x = sae("jumprelu"), activations(6)
    for name, rows in redrawn(known.form, known.parameters, DEAD, x).items():
        known.parameters[name][DEAD] = rows
    codes = inference_codes(known.form, known.parameters, x, known.threshold)
    there = set(zip(codes.rows.tolist(), codes.columns.tolist(), strict=True))
    assert set(zip(range(6), DEAD.nonzero()[:, 0].tolist(), strict=True)) <= there


def test_of_a_tied_one_the_encoder_is_all_there_is_and_where_none_is_alive_all_count() -> None:
    known = sae("relu", tied=True)
    found = redrawn(known.form, known.parameters, torch.ones(48, dtype=torch.bool), activations(48))
    assert found.keys() == {"W_enc", "b_enc"} and bool(found["W_enc"].isfinite().all())
