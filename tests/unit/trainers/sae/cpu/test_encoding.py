"""Products of bytes are those of floats, but for a rounding that is told."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.unit.trainers.sae.data import sae
from trainers.sae.cpu import build, encoding
from trainers.sae.cpu.build import NoLibrary, library
from trainers.sae.cpu.encoding import encoded_in_bytes
from trainers.sae.model.dense import encoded

try:
    library()
except NoLibrary as why:
    pytest.skip(str(why), allow_module_level=True)


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(shape[-1]))


@pytest.mark.parametrize(
    ("examples", "latents", "features"), [(1, 1, 1), (6, 64, 4), (13, 200, 50), (64, 129, 384)]
)
def test_values_are_within_what_is_told(examples: int, latents: int, features: int) -> None:
    form = sae("topk").form
    parameters = {
        "W_enc": drawn(latents, features) * torch.logspace(-3, 3, latents)[:, None],
        "b_enc": drawn(latents),
        "b_dec": drawn(features),
    }
    x = drawn(examples, features) * torch.logspace(0, 0.3, examples)[:, None]
    found, off = encoded_in_bytes(form, parameters, x)
    exact = encoded(form, parameters, x)
    rounding = exact.abs() / 256  # of bfloat16 itself
    assert found.shape == exact.shape and found.dtype == torch.bfloat16
    assert bool(((found.float() - exact).abs() <= 1.5 * off + rounding + 1e-6).all())
    far = (off / exact.square().mean(0).sqrt())[exact.square().mean(0) > off.square() * 100]
    assert not len(far) or float(far.median()) < 0.1


def test_latents_and_examples_without_a_value_are_0() -> None:
    form = sae("topk").form
    parameters = {"W_enc": torch.zeros(3, 5), "b_enc": torch.tensor([0.0, 1, -2]), "b_dec": torch.zeros(5)}
    found, off = encoded_in_bytes(form, parameters, torch.zeros(2, 5))
    assert found.tolist() == [[0.0, 1.0, -2.0]] * 2 and off.tolist() == [0.0] * 3


def test_a_processor_without_the_instruction_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = sae("topk").form
    parameters = {"W_enc": drawn(129, 50), "b_enc": drawn(129), "b_dec": drawn(50)}
    with_it = encoded_in_bytes(form, parameters, drawn(13, 50))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(build, "FLAGS", (*build.FLAGS, "-U__AVX512VNNI__", "-O1"))
    monkeypatch.setattr(encoding, "library", build.library.__wrapped__)
    without = encoded_in_bytes(form, parameters, drawn(13, 50))
    torch.testing.assert_close(without[0], with_it[0], rtol=2**-7, atol=0)
    torch.testing.assert_close(without[1], with_it[1])
