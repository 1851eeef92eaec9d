"""`features.parquet`: a row for each latent, with what activates it most; readable without torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainers.common.errors import TrainerError
from trainers.common.files import write_bytes
from trainers.sae.evaluation import BATCH, Evaluation
from trainers.sae.files.saved import SavedSae
from trainers.sae.model.encoder import inference_codes
from trainers.sae.model.parameters import decoder_of

TOP = 10
"""Examples to a latent."""
NEIGHBOURS = 8
"""Latents to a latent."""
COLUMNS = {
    "token_id": "top_tokens",
    "token_text": "top_token_texts",
    "text_snippet": "top_snippets",
    "token_start": "top_starts",
    "position": "top_positions",
}
"""What a Parquet file may tell of its rows, and where it stands in `features.parquet`."""
PENDING = 1 << 22
"""Values that are gathered before all but the strongest are dropped."""
SIMILARITIES = 1 << 24
"""Cosines that are held at a time."""


def top_examples(sae: SavedSae, blocks: Iterable[Tensor], top: int = TOP) -> tuple[Tensor, Tensor]:
    """Return for every latent the strongest values, 0 where there are fewer, and their examples [L, top].

    Of equal values the earlier example's comes first.
    """
    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    first = pending = 0
    for block in (part for whole in blocks for part in whole.split(BATCH)):
        codes = inference_codes(sae.form, sae.parameters, block, sae.threshold)
        parts.append((codes.columns, codes.values.float(), codes.rows + first))
        first, pending = first + len(block), pending + len(codes.values)
        if pending > PENDING:
            parts = [_strongest(parts, top)]
            pending = len(parts[0][0])
    latents, found, rows = _strongest(parts, top)
    places = torch.arange(len(latents)) - torch.searchsorted(latents, latents)
    values = torch.zeros(sae.form.n_latents, top)
    examples = torch.zeros(sae.form.n_latents, top, dtype=torch.int64)
    values[latents, places], examples[latents, places] = found, rows
    return values, examples


def _strongest(parts: list[tuple[Tensor, Tensor, Tensor]], top: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the strongest of each latent, latent by latent, strongest first."""
    latents, values, rows = (torch.cat(one) for one in zip(*parts, strict=True))
    order = torch.argsort(values, descending=True, stable=True)
    order = order[torch.argsort(latents[order], stable=True)]
    latents = latents[order]
    kept = torch.arange(len(latents)) - torch.searchsorted(latents, latents) < top
    return latents[kept], values[order][kept], rows[order][kept]


def neighbours(decoder_LD: Tensor, count: int = NEIGHBOURS) -> tuple[Tensor, Tensor]:
    """Return the latents whose decoder rows are most alike [L, count], and the cosines."""
    unit = decoder_LD / decoder_LD.norm(dim=1, keepdim=True).clamp(min=1e-12)
    count = min(count, len(unit) - 1)
    found = []
    for start in range(0, len(unit), max(1, SIMILARITIES // len(unit))):
        cosines = unit[start : start + max(1, SIMILARITIES // len(unit))] @ unit.t()
        cosines.diagonal(start).fill_(-2)
        found.append(torch.topk(cosines, count, dim=1))
    return torch.cat([one.indices for one in found]), torch.cat([one.values for one in found])


def feature_rows(
    sae: SavedSae, found: Evaluation, strongest: tuple[Tensor, Tensor], texts: Mapping[str, Sequence[Any]]
) -> dict[str, list[Any]]:
    """Return the columns: what a latent is like, its top examples, and the latents that are like it."""
    values, examples = (one.tolist() for one in strongest)
    alike, cosines = neighbours(decoder_of(sae.parameters).float())
    rows: dict[str, list[Any]] = {
        "id": list(range(len(values))),
        "layer_idx": [sae.metadata.get("layer_idx")] * len(values),
        "sparsity": found.frequency_L.tolist(),
        "activation_strength": found.strength_L.tolist(),
        "neighbours": alike.tolist(),
        "neighbour_cosines": cosines.tolist(),
        "top_strengths": [[value for value in row if value > 0] for row in values],
        "top_examples": [_named(*one, range(1 << 62)) for one in zip(examples, values, strict=True)],
    }
    for name, column in COLUMNS.items():
        if name in texts:
            rows[column] = [_named(*one, texts[name]) for one in zip(examples, values, strict=True)]
    return rows


def _named(places: list[int], values: list[float], source: Sequence[Any]) -> list[Any]:
    return [source[place] for place, value in zip(places, values, strict=True) if value > 0]


def write_features(path: Path, rows: Mapping[str, Sequence[Any]]) -> None:
    """Write the rows; TrainerError where pyarrow is missing."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise TrainerError("features.parquet needs pyarrow: pip install 'twophase[parquet]'") from error
    content = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.table(dict(rows)), content)
    write_bytes(path, content.getvalue().to_pybytes())
