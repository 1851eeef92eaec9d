"""`train_sae recover FOLDER --model PATH`: how much of a model's loss the reconstructions recover."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

import torch

from trainers.common.devices import resolve_device
from trainers.common.errors import BadInput, TrainerError
from trainers.common.files import write_json
from trainers.common.json_files import read_json_file
from trainers.sae.files.loading import load_sae
from trainers.sae.measures.recovered import Batch, recovered

EVALUATION = "evaluation.json"


def run(argv: Sequence[str], stream: TextIO) -> None:
    """Measure, tell, and add the figures to the folder's `evaluation.json`."""
    flags = _parser().parse_args(argv)
    sae, device = load_sae(flags.folder), resolve_device(flags.device)
    layer = sae.metadata.get("layer_idx") if flags.layer_idx is None else flags.layer_idx
    if layer is None:
        raise BadInput("--layer-idx N is needed: the autoencoder does not tell its layer")
    lines = [line.strip() for line in flags.texts.read_text(encoding="utf-8").splitlines() if line.strip()]
    model, tokenizer = _load(flags.model)
    found = recovered(
        model.to(device).eval(),
        layer,
        ((ids.to(device), mask.to(device)) for ids, mask in batches(tokenizer, lines, flags.batch_size)),
        lambda x: sae.reconstruct(x.cpu()).to(x.device),
    )
    figures = {**asdict(found), "loss_recovered": found.loss_recovered}
    path = flags.folder / EVALUATION
    write_json(path, {**(read_json_file(path) if path.exists() else {}), **figures})
    print(
        f"{found.loss_recovered:.2%} of the loss recovered, over {found.tokens} tokens: "
        f"{found.loss_of_model:.4g} with the activations, {found.loss_with_sae:.4g} reconstructed, "
        f"{found.loss_without:.4g} with zeros",
        file=stream,
    )


def batches(tokenizer: Any, lines: Sequence[str], size: int) -> Iterator[Batch]:
    """Yield the tokens of `size` texts at a time, padded on the right."""
    for start in range(0, len(lines), size):
        rows = [tokenizer(line, truncation=True)["input_ids"] for line in lines[start : start + size]]
        ids = torch.zeros(len(rows), max(1, *map(len, rows)), dtype=torch.int64)
        mask = torch.zeros_like(ids)
        for place, row in enumerate(rows):
            ids[place, : len(row)], mask[place, : len(row)] = torch.tensor(row, dtype=torch.int64), 1
        yield ids, mask


def _load(path: str) -> tuple[Any, Any]:
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise TrainerError("this needs transformers: pip install transformers") from error
    try:
        model, tokenizer = AutoModelForCausalLM.from_pretrained(path), AutoTokenizer.from_pretrained(path)
    except (OSError, ValueError) as error:
        raise BadInput(f"--model {path}: {error}") from error
    limit = getattr(model.config, "max_position_embeddings", None)
    tokenizer.model_max_length = min(limit or tokenizer.model_max_length, tokenizer.model_max_length)
    return model, tokenizer


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("train_sae recover", description=__doc__)
    parser.add_argument("folder", type=Path, help="the output of a training")
    parser.add_argument(
        "--model", required=True, help="a causal language model: a folder, or a name on the hub"
    )
    parser.add_argument("--texts", type=Path, required=True, help="one text a line")
    parser.add_argument("--layer-idx", type=int, help="1 is after the first block (default: the training's)")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--device", default="auto")
    return parser
