"""Autoencoders to SAELens, sparsify and dictionary_learning and back: how far reconstructions differ.

    ~/peers/bin/python -m scripts.sae_round_trips

Run it with an interpreter in which the packages are installed (`pip install sae-lens eai-sparsify
dictionary-learning`) beside ours (`torch`, `safetensors`, `scipy`).  A line of JSON for each way: the largest
difference over the largest reconstructed activation, or null where the package is missing.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainers.sae.files.loading import load_sae
from trainers.sae.files.saelens import write_saelens
from trainers.sae.files.saved import SavedSae
from trainers.sae.files.sparsify import write_sparsify
from trainers.sae.model.architecture import Architecture
from trainers.sae.model.parameters import new_parameters

FEATURES, LATENTS, K = 32, 128, 8
ALLOWED = 1e-6
Way = Callable[[Path, Tensor], tuple[Tensor, Tensor]]


def ours(kind: Any, **options: Any) -> SavedSae:
    """Return an autoencoder of ours with random weights."""
    form = Architecture(kind, FEATURES, LATENTS, K, **options)
    generator = torch.Generator().manual_seed(3)
    parameters = new_parameters(form, torch.full((FEATURES,), 0.5), generator)
    for name, value in parameters.items():
        parameters[name] = value + 0.1 * torch.randn(value.shape, generator=generator)
    if "threshold" in parameters:
        parameters["threshold"] = parameters["threshold"].abs()
    return SavedSae(form, parameters, torch.tensor(0.2), {"layer_idx": 3, "model_name": "m"})


def to_saelens(kind: str, **options: Any) -> Way:
    """Ours, written and loaded by SAELens."""

    def way(folder: Path, x: Tensor) -> tuple[Tensor, Tensor]:
        from sae_lens import SAE

        written = ours(kind, **options)
        write_saelens(folder, written, torch.full((LATENTS,), 0.01))
        return written.reconstruct(x), SAE.load_from_disk(folder, device="cpu")(x)

    return way


def to_sparsify(kind: str) -> Way:
    """Ours, written and loaded by sparsify."""

    def way(folder: Path, x: Tensor) -> tuple[Tensor, Tensor]:
        from sparsify import SparseCoder

        written = ours(kind)
        write_sparsify(folder, 3, written)
        theirs = SparseCoder.load_from_disk(folder / "layers.3", device="cpu")
        return written.reconstruct(x), theirs(x).sae_out

    return way


def from_saelens(name: str) -> Way:
    """SAELens's, saved by it and loaded by ours; of training classes what it saves for use."""

    def way(folder: Path, x: Tensor) -> tuple[Tensor, Tensor]:
        import sae_lens

        sizes: dict[str, Any] = {"d_in": FEATURES, "d_sae": LATENTS}
        if "TopK" in name:
            sizes["k"] = K
        if name.startswith("Matryoshka"):
            sizes["matryoshka_widths"] = [32, 64, LATENTS]
        theirs = getattr(sae_lens, name)(getattr(sae_lens, f"{name}Config")(**sizes))
        _shake(theirs)
        if hasattr(theirs, "save_inference_model"):
            theirs.save_inference_model(folder)
            theirs = sae_lens.SAE.load_from_disk(folder, device="cpu")
        else:
            theirs.save_model(folder)
        return theirs(x), load_sae(folder).reconstruct(x)

    return way


def from_sparsify(folder: Path, x: Tensor) -> tuple[Tensor, Tensor]:
    """sparsify's, saved by it and loaded by ours."""
    from sparsify import SparseCoder, SparseCoderConfig

    theirs = SparseCoder(FEATURES, SparseCoderConfig(num_latents=LATENTS, k=K))
    _shake(theirs)
    theirs.save_to_disk(folder)
    return theirs(x).sae_out, load_sae(folder).reconstruct(x)


def from_dictionary_learning(module: str, name: str) -> Way:
    """dictionary_learning's, saved as its training does it and loaded by ours."""

    def way(folder: Path, x: Tensor) -> tuple[Tensor, Tensor]:
        from importlib import import_module

        theirs = getattr(import_module(f"dictionary_learning.trainers.{module}"), name)(FEATURES, LATENTS, K)
        _shake(theirs)
        theirs.threshold.fill_(0.3)
        torch.save(theirs.state_dict(), folder / "ae.pt")
        config = {"trainer": {"dict_class": name, "k": K}, "buffer": {}}
        (folder / "config.json").write_text(json.dumps(config))
        codes = theirs.encode(x, use_threshold=name == "BatchTopKSAE")
        return theirs.decode(codes), load_sae(folder).reconstruct(x)

    return way


def _shake(module: torch.nn.Module) -> None:
    """Move parameters away from where they begin, so that no bias is 0."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, value in module.named_parameters():
            move = 0.1 * torch.randn(value.shape, generator=generator)
            value.copy_((value + move).abs() if "threshold" in name else value + move)
        for name, value in module.named_buffers():
            if name == "topk_threshold":
                value.fill_(0.2)


WAYS: dict[str, tuple[str, Way]] = {
    **{
        f"ours, {kind}, to SAELens": ("sae_lens", to_saelens(kind))
        for kind in ("relu", "topk", "batchtopk", "jumprelu", "matryoshka", "hierarchical")
    },
    "ours, relu tied, to SAELens": ("sae_lens", to_saelens("relu", tied=True)),
    "ours, topk, to sparsify": ("sparsify", to_sparsify("topk")),
    "ours, hierarchical, to sparsify": ("sparsify", to_sparsify("hierarchical")),
    **{
        f"SAELens's {name} to ours": ("sae_lens", from_saelens(name))
        for name in (
            *("StandardSAE", "TopKSAE", "JumpReLUSAE", "StandardTrainingSAE", "TopKTrainingSAE"),
            *("BatchTopKTrainingSAE", "JumpReLUTrainingSAE", "MatryoshkaBatchTopKTrainingSAE"),
        )
    },
    "sparsify's to ours": ("sparsify", from_sparsify),
    "dictionary_learning's AutoEncoderTopK to ours": (
        "dictionary_learning",
        from_dictionary_learning("top_k", "AutoEncoderTopK"),
    ),
    "dictionary_learning's BatchTopKSAE to ours": (
        "dictionary_learning",
        from_dictionary_learning("batch_top_k", "BatchTopKSAE"),
    ),
}


def differences() -> Iterator[tuple[str, float | None]]:
    """Yield each way and how far reconstructions differ; None where its package is not installed."""
    x = torch.randn(200, FEATURES, generator=torch.Generator().manual_seed(0))
    for name, (package, way) in WAYS.items():
        if find_spec(package) is None:
            yield name, None
            continue
        torch.manual_seed(0)
        with tempfile.TemporaryDirectory() as folder, torch.no_grad():
            one, other = way(Path(folder), x)
        yield name, float((one - other).abs().max() / one.abs().max())


def main() -> int:
    """Print each way; return 1 where one differs by more than is allowed."""
    wrong = False
    for name, difference in differences():
        print(json.dumps({"way": name, "difference": difference}), flush=True)
        wrong |= difference is not None and not difference <= ALLOWED
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
