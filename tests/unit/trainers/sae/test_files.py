"""Every form of file gives back what was written, and has the names and shapes that other packages expect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.unit.trainers.sae.data import activations, sae
from trainers.common.errors import BadInput
from trainers.sae.files.loading import load_sae
from trainers.sae.files.saelens import read_saelens, write_saelens
from trainers.sae.files.saved import as_jumprelu, folded
from trainers.sae.files.seed import write_seed
from trainers.sae.files.sparsify import read_sparsify, write_sparsify
from trainers.sae.model.architecture import KINDS

X = activations(50)
FORMS = [(kind, {}) for kind in KINDS] + [("relu", {"tied": True})]


def same(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("kind", "options"), FORMS)
def test_our_own_files(tmp_path: Path, kind: str, options: dict[str, Any]) -> None:
    written = sae(kind, **options)
    path = write_seed(tmp_path, "sae_layer_3", written)
    same(load_sae(path).reconstruct(X), written.reconstruct(X))
    same(load_sae(tmp_path).reconstruct(X), written.reconstruct(X))
    assert load_sae(path).form.kind == kind


def test_names_and_shapes_of_the_seeds_files(tmp_path: Path) -> None:
    tied = load_file(write_seed(tmp_path, "tied", sae("relu", tied=True)))
    assert {name: list(value.shape) for name, value in tied.items()} == {
        "encoder.weight": [48, 12],
        "encoder.bias": [48],
        "decoder_bias": [12],
    }
    untied = load_file(write_seed(tmp_path, "untied", sae("relu")))
    assert list(untied["decoder.weight"].shape) == [12, 48] and list(untied["decoder.bias"].shape) == [12]
    metadata = json.loads((tmp_path / "tied_metadata.json").read_text())
    assert metadata["input_dim"] == 12 and metadata["latent_dim"] == 48 and metadata["tied_weights"] is True
    assert metadata["activation_fn"] == "relu" and metadata["layer_idx"] == 3


@pytest.mark.parametrize(("kind", "options"), [form for form in FORMS if form[0] != "gelu"])
def test_saelens_directories(tmp_path: Path, kind: str, options: dict[str, Any]) -> None:
    written = sae(kind, **options)
    write_saelens(tmp_path, written, torch.full((48,), 0.01))
    assert read_saelens(tmp_path).form.n_latents == 48
    same(read_saelens(tmp_path).reconstruct(X), written.reconstruct(X))
    same(load_sae(tmp_path).reconstruct(X), written.reconstruct(X))


def test_what_saelens_expects(tmp_path: Path) -> None:
    write_saelens(tmp_path, sae("batchtopk"), torch.full((48,), 0.01))
    config = json.loads((tmp_path / "cfg.json").read_text())
    assert {
        "architecture": "jumprelu",
        "d_in": 12,
        "d_sae": 48,
        "apply_b_dec_to_input": True,
    }.items() <= config.items()
    assert config["normalize_activations"] == "none" and config["dtype"] == "float32"
    tensors = load_file(tmp_path / "sae_weights.safetensors")
    shapes = {name: list(value.shape) for name, value in tensors.items()}
    assert shapes == {"W_enc": [12, 48], "W_dec": [48, 12], "b_enc": [48], "b_dec": [12], "threshold": [48]}
    same(tensors["W_dec"].norm(dim=1), torch.ones(48))
    same(load_file(tmp_path / "sparsity.safetensors")["sparsity"], torch.full((48,), -2.0))
    # As SAELens computes it, written out.
    z = (X - tensors["b_dec"]) @ tensors["W_enc"] + tensors["b_enc"]
    z = z.relu() * (z > tensors["threshold"])
    same(z @ tensors["W_dec"] + tensors["b_dec"], sae("batchtopk").reconstruct(X))


def test_latents_that_saelens_chooses_by_the_norms_of_decoder_rows(tmp_path: Path) -> None:
    written = sae("topk")
    write_saelens(tmp_path, written, torch.full((48,), 0.01))
    config = json.loads((tmp_path / "cfg.json").read_text())
    (tmp_path / "cfg.json").write_text(json.dumps({**config, "rescale_acts_by_decoder_norm": True}))
    tensors = load_file(tmp_path / "sae_weights.safetensors")
    norms = tensors["W_dec"].norm(dim=1)
    # As SAELens computes it, written out.
    h = ((X - tensors["b_dec"]) @ tensors["W_enc"] + tensors["b_enc"]) * norms
    top = torch.topk(h, 4)
    z = torch.zeros(50, 48).scatter(1, top.indices, top.values.relu())
    expected = z @ (tensors["W_dec"] / norms[:, None]) + tensors["b_dec"]
    assert (expected - written.reconstruct(X)).abs().max() > 0.1
    same(read_saelens(tmp_path).reconstruct(X), expected)


@pytest.mark.parametrize("kind", ["topk", "hierarchical"])
def test_sparsify_directories(tmp_path: Path, kind: str) -> None:
    written = sae(kind)
    write_sparsify(tmp_path, 3, written)
    same(read_sparsify(tmp_path / "layers.3").reconstruct(X), written.reconstruct(X))
    same(load_sae(tmp_path).reconstruct(X), written.reconstruct(X))
    tensors = load_file(tmp_path / "layers.3" / "sae.safetensors")
    top = torch.topk(
        ((X - tensors["b_dec"]) @ tensors["encoder.weight"].t() + tensors["encoder.bias"]).relu(), 4
    )
    z = torch.zeros(50, 48).scatter(1, top.indices, top.values)
    same(z @ tensors["W_dec"] + tensors["b_dec"], written.reconstruct(X))
    config = json.loads((tmp_path / "layers.3" / "cfg.json").read_text())
    assert {
        "activation": "topk",
        "num_latents": 48,
        "k": 4,
        "d_in": 12,
        "transcode": False,
    }.items() <= config.items()


def test_dictionary_learning_folders_are_read(tmp_path: Path) -> None:
    known = sae("batchtopk")
    state = {
        "encoder.weight": known.parameters["W_enc"],
        "encoder.bias": known.parameters["b_enc"],
        "decoder.weight": known.parameters["W_dec"].t(),
        "b_dec": known.parameters["b_dec"],
        "k": torch.tensor(4),
        "threshold": torch.tensor(0.2),
    }
    torch.save(state, tmp_path / "ae.pt")
    config = {"trainer": {"dict_class": "BatchTopKSAE", "k": 4}, "buffer": {}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    same(load_sae(tmp_path).reconstruct(X), known.reconstruct(X))
    (tmp_path / "config.json").write_text(json.dumps({"trainer": {"dict_class": "Other"}}))
    with pytest.raises(BadInput, match="'Other' is not read; known are AutoEncoderTopK, BatchTopKSAE"):
        load_sae(tmp_path)


def test_folding_takes_the_scale_into_the_weights() -> None:
    known = sae("batchtopk")
    unscaled = folded(known.parameters, 3.0)
    other = sae("batchtopk")
    expected = other.reconstruct(X * 3.0) / 3.0
    found = type(known)(known.form, unscaled, known.threshold).reconstruct(X)
    same(found, expected)
    back = type(known)(known.form, unscaled, known.threshold).unfolded(3.0)
    same(back["W_enc"], known.parameters["W_enc"])
    with pytest.raises(BadInput, match="tied autoencoder cannot be trained on scaled"):
        folded(sae("relu", tied=True).parameters, 2.0)
    same(as_jumprelu(known).reconstruct(X), known.reconstruct(X))


def test_what_is_not_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="one autoencoder is wanted, found none"):
        load_sae(tmp_path)
    path = write_seed(tmp_path, "sae_layer_3", sae("topk"))
    (tmp_path / "other.safetensors").write_bytes(path.read_bytes()[:-10])
    (tmp_path / "other_metadata.json").write_text((tmp_path / "sae_layer_3_metadata.json").read_text())
    with pytest.raises(BadInput, match="truncated or not a safetensors file"):
        load_sae(tmp_path / "other.safetensors")
    save_file(
        {"encoder.weight": torch.ones(9, 2), "decoder.weight": torch.ones(2, 9)},
        tmp_path / "other.safetensors",
    )
    with pytest.raises(BadInput, match=r"no tensor 'encoder\.bias'; it holds decoder"):
        load_sae(tmp_path / "other.safetensors")
    (tmp_path / "other_metadata.json").write_text("[]")
    with pytest.raises(BadInput, match="must be a JSON object"):
        load_sae(tmp_path / "other.safetensors")
    for kind, match in (("gelu", "SAELens has no GELU"), ("jumprelu", "sparsify has no jumprelu")):
        with pytest.raises(BadInput, match=match):
            if kind == "gelu":
                write_saelens(tmp_path, sae(kind), torch.ones(48))
            else:
                write_sparsify(tmp_path, 3, sae(kind))


def test_directories_of_others_that_would_be_read_wrongly_are_refused(tmp_path: Path) -> None:
    write_saelens(tmp_path / "a", sae("topk"), torch.ones(48))
    config = json.loads((tmp_path / "a" / "cfg.json").read_text())
    for change, match in (
        ({"architecture": "gated"}, "'gated' is not read"),
        ({"normalize_activations": "x"}, "not folded"),
    ):
        (tmp_path / "a" / "cfg.json").write_text(json.dumps({**config, **change}))
        with pytest.raises(BadInput, match=match):
            load_sae(tmp_path / "a")
    write_sparsify(tmp_path / "b", 3, sae("topk"))
    place = tmp_path / "b" / "layers.3" / "cfg.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), "transcode": True}))
    with pytest.raises(BadInput, match="no transcoder"):
        load_sae(tmp_path / "b")
