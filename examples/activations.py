"""Write a language model's activations on labelled texts, for `train_probes`.

    pip install transformers
    python examples/activations.py --model Qwen/Qwen2.5-0.5B --texts texts.tsv --layers 6 12 --output acts.h5
    train_probes --activations acts.h5 --layer 6 12 --output-dir probes

`texts.tsv` holds one example a line: label, tab, text.  The activation of an example is the residual stream
after a layer, at the text's last token (or its mean over all tokens, --pool mean).  Examples are dealt out
to train, val and test at random, label by label, 70 : 15 : 15.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SHARES = {"train": 0.70, "val": 0.15, "test": 0.15}
FEWEST = 3
"""Examples a label needs, one for each split."""


def read_texts(path: Path) -> tuple[list[str], list[str]]:
    """Return the labels and the texts of a file; ends the program at a line that is neither."""
    labels, texts = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        label, tab, text = line.partition("\t")
        if not line.strip():
            continue
        if not (tab and label.strip() and text.strip()):
            raise SystemExit(f"{path}, line {number}: must be a label, a tab and a text")
        labels.append(label.strip())
        texts.append(text.strip())
    rare = sorted({label for label in labels if labels.count(label) < FEWEST})
    if rare or not labels:
        raise SystemExit(
            f"{path}: every label needs {FEWEST} examples; too few of: {', '.join(rare) or 'all'}"
        )
    return labels, texts


def deal(labels: Sequence[str], seed: int) -> dict[str, NDArray[np.int64]]:
    """Return the examples of every split; each label is in each of them."""
    rng = np.random.default_rng(seed)
    dealt: dict[str, list[int]] = {split: [] for split in SHARES}
    for label in sorted(set(labels)):
        rows = rng.permutation([row for row, one in enumerate(labels) if one == label])
        held_out = {split: max(1, round(SHARES[split] * len(rows))) for split in ("val", "test")}
        val, test, train = np.split(rows, np.cumsum(list(held_out.values())))
        for split, part in (("val", val), ("test", test), ("train", train)):
            dealt[split] += part.tolist()
    return {split: np.sort(np.array(rows, dtype=np.int64)) for split, rows in dealt.items()}


def pooled(hidden: Tensor, mask: Tensor, pool: str) -> Tensor:
    """Return one activation [B, D] a text, from those of its tokens [B, T, D] and the mask [B, T] of these.

    Padding must be on the right.
    """
    if pool == "mean":
        weights = mask[:, :, None].to(hidden.dtype)
        return (hidden * weights).sum(1) / weights.sum(1)
    return hidden[torch.arange(len(hidden)), mask.sum(1) - 1]


def activations(
    model: Any, tokenizer: Any, texts: Sequence[str], layers: Sequence[int], batch: int, pool: str
) -> Iterator[dict[int, NDArray[np.float32]]]:
    """Yield the activations of `batch` texts after every layer, float32 [B, D] each."""
    tokenizer.padding_side = "right"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    for start in range(0, len(texts), batch):
        tokens = tokenizer(texts[start : start + batch], return_tensors="pt", padding=True, truncation=True)
        tokens = tokens.to(model.device)
        with torch.no_grad():
            states = model(**tokens, output_hidden_states=True).hidden_states
        yield {
            layer: pooled(states[layer].float(), tokens["attention_mask"], pool).cpu().numpy()
            for layer in layers
        }


def write(path: Path, found: dict[int, NDArray[np.float32]], labels: Sequence[str], seed: int) -> None:
    """Write one group of splits for every layer, and the names of the labels."""
    names = sorted(set(labels))
    classes = np.array([names.index(label) for label in labels])
    splits = deal(labels, seed)
    with h5py.File(path, "w") as file:
        file.attrs["actions"] = names
        for layer, values in found.items():
            for split, rows in splits.items():
                file[f"layer_{layer}/{split}/activations"] = values[rows]
                file[f"layer_{layer}/{split}/labels"] = classes[rows]


def load_model(name: str, device: str) -> tuple[Any, Any]:
    """Return a model and its tokenizer from the Hugging Face hub or a local directory."""
    try:
        from transformers import AutoModel, AutoTokenizer
    except ImportError:
        raise SystemExit("this example needs transformers: pip install transformers") from None
    dtype = torch.bfloat16 if device.startswith("cuda") else torch.float32
    model = AutoModel.from_pretrained(name, torch_dtype=dtype).to(device).eval()
    return model, AutoTokenizer.from_pretrained(name)


def main() -> int:
    """Write the file that the flags name."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", required=True, help="name on the Hugging Face hub, or a directory")
    parser.add_argument("--texts", type=Path, required=True, help="one example a line: label, tab, text")
    parser.add_argument("--layers", type=int, nargs="+", required=True, help="1 is after the first layer")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--pool", choices=("last", "mean"), default="last")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, default=0)
    flags = parser.parse_args()
    labels, texts = read_texts(flags.texts)
    model, tokenizer = load_model(flags.model, flags.device)
    depth = model.config.num_hidden_layers
    if not all(1 <= layer <= depth for layer in flags.layers):
        raise SystemExit(f"--layers: {flags.model} has layers 1 to {depth}")
    parts = list(activations(model, tokenizer, texts, flags.layers, flags.batch_size, flags.pool))
    found = {layer: np.concatenate([part[layer] for part in parts]) for layer in flags.layers}
    write(flags.output, found, labels, flags.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
