"""FT-Transformer against a recorded pass through its authors' package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainers.tabular.data.dataset import Columns
from trainers.tabular.models.ft_transformer import FtSizes, FtTransformer

RECORDED = json.loads((Path(__file__).parent / "cases" / "ft_transformer.json").read_text())
COLUMNS = Columns(("x0", "x1", "x2"), ("c0", "c1"), (3, 4))
SIZES = FtSizes(width=8, heads=2, hidden=10, blocks=3)
MERGED = ("W_q", "W_k", "W_v")
NAMES = {
    "attention.W_out": "attention.outward",
    "ffn_normalization": "hidden_norm",
    "ffn.linear1": "up",
    "ffn.linear2": "down",
    "attention_normalization": "attention_norm",
    "output.normalization": "head_norm",
    "output.linear": "head",
}


def recorded(name: str) -> Tensor:
    return torch.tensor(RECORDED["state"][name], dtype=torch.float64)


def ours(name: str) -> str:
    name = name.removeprefix("backbone.")
    for theirs, own in NAMES.items():
        name = name.replace(theirs, own)
    return name


def translated() -> dict[str, Tensor]:
    state = {ours(key): recorded(key) for key in RECORDED["state"] if key.startswith("backbone.")}
    for block in range(SIZES.blocks):
        for kind in ("weight", "bias"):
            parts = [state.pop(f"blocks.{block}.attention.{part}.{kind}") for part in MERGED]
            state[f"blocks.{block}.attention.inward.{kind}"] = torch.cat(parts)
    tables = [recorded(f"cat_embeddings.embeddings.{number}.weight") for number in (0, 1)]
    return state | {
        "read_out.value": recorded("cls_embedding.weight")[None],
        "numeric.weight.value": recorded("cont_embeddings.weight"),
        "numeric.bias.value": recorded("cont_embeddings.bias"),
        "categories.weight": torch.cat(tables),
        "category_bias.value": recorded("cat_embeddings.bias"),
    }


def network() -> FtTransformer:
    made = FtTransformer(COLUMNS, 2, SIZES).double().eval()
    made.load_state_dict(translated())
    return made


def values(key: str) -> Any:
    return RECORDED[key]


def test_outputs_and_gradients_are_those_of_the_package() -> None:
    x = torch.tensor(values("numeric"), dtype=torch.float64, requires_grad=True)
    outputs = network()(x, torch.tensor(values("categories")))
    outputs.sum().backward()
    expected = torch.tensor(values("outputs"), dtype=torch.float64)
    torch.testing.assert_close(outputs, expected, rtol=1e-10, atol=1e-12)
    gradients = torch.tensor(values("input_gradients"), dtype=torch.float64)
    torch.testing.assert_close(x.grad, gradients, rtol=1e-10, atol=1e-12)


def test_weight_decay_leaves_alone_what_the_package_leaves_alone() -> None:
    merged = {name.replace(part, "inward") for name in values("without_decay") for part in MERGED}
    theirs = {ours(name).replace("attention.attention", "attention") for name in merged}
    theirs = {name for name in theirs if not any(part in name for part in MERGED)}
    renamed = {
        "cls_embedding.weight": "read_out.value",
        "cont_embeddings.weight": "numeric.weight.value",
        "cont_embeddings.bias": "numeric.bias.value",
        "cat_embeddings.bias": "category_bias.value",
        "cat_embeddings.embeddings.0.weight": "categories.weight",
        "cat_embeddings.embeddings.1.weight": "categories.weight",
    }
    assert network().without_decay() == {renamed.get(name, name) for name in theirs}


def test_the_usual_sizes_are_the_packages_default() -> None:
    default, usual = values("default"), FtSizes()
    assert (usual.width, usual.heads, usual.blocks) == (
        default["d_block"],
        default["attention_n_heads"],
        default["n_blocks"],
    )
    assert usual.hidden == int(default["d_block"] * default["ffn_d_hidden_multiplier"])
    assert (usual.attention_dropout, usual.hidden_dropout) == (
        default["attention_dropout"],
        default["ffn_dropout"],
    )
