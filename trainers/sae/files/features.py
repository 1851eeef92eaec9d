"""`features.parquet`: a row for each latent, with what activates it most; readable without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainers.common.errors import TrainerError
from trainers.sae.evaluation import BATCH, Evaluation
from trainers.sae.files.saved import SavedSae
from trainers.sae.model.encoder import inference_codes

TOP = 10
"""Examples to a latent."""
SNIPPET, TOKEN = "text_snippet", "token_id"


def top_examples(sae: SavedSae, x_ND: Tensor, top: int = TOP) -> tuple[Tensor, Tensor]:
    """Return for every latent the strongest values, 0 where there are fewer, and their examples [L, top]."""
    values = torch.zeros(sae.form.n_latents, top)
    examples = torch.zeros(sae.form.n_latents, top, dtype=torch.int64)
    for number, block in enumerate(x_ND.split(BATCH)):
        codes = inference_codes(sae.form, sae.parameters, block, sae.threshold)
        dense = torch.zeros(sae.form.n_latents, len(block))
        dense[codes.columns, codes.rows] = codes.values.float()
        both = torch.cat([values, dense], 1)
        here = torch.arange(len(block)) + number * BATCH
        places = torch.cat([examples, here.expand(sae.form.n_latents, -1)], 1)
        values, chosen = torch.topk(both, top, dim=1)
        examples = places.gather(1, chosen)
    return values, examples


def feature_rows(
    layer: int | None, found: Evaluation, strongest: tuple[Tensor, Tensor], texts: Mapping[str, Sequence[Any]]
) -> dict[str, list[Any]]:
    """Return the columns: id, layer, sparsity (share of examples), strength (mean), and the top examples."""
    values, examples = (one.tolist() for one in strongest)
    rows: dict[str, list[Any]] = {
        "id": list(range(len(values))),
        "layer_idx": [layer] * len(values),
        "sparsity": found.frequency_L.tolist(),
        "activation_strength": found.strength_L.tolist(),
        "top_strengths": [[value for value in row if value > 0] for row in values],
    }
    named = {
        "top_examples": range(1 << 62),
        "top_tokens": texts.get(TOKEN),
        "top_snippets": texts.get(SNIPPET),
    }
    for name, source in named.items():
        if source is not None:
            rows[name] = [_strongest(*one, source) for one in zip(examples, values, strict=True)]
    return rows


def _strongest(places: list[int], values: list[float], source: Sequence[Any]) -> list[Any]:
    return [source[place] for place, value in zip(places, values, strict=True) if value > 0]


def write_features(path: Path, rows: Mapping[str, Sequence[Any]]) -> None:
    """Write the rows; TrainerError where pyarrow is missing."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise TrainerError("features.parquet needs pyarrow: pip install 'twophase[parquet]'") from error
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.fresh")
    parquet.write_table(pyarrow.table(dict(rows)), fresh)
    fresh.replace(path)
