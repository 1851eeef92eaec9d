"""The card of a SAELens directory: `README.md` as Hugging Face reads it.  Uploading is the user's step."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

CARD = "README.md"
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
"""Names that the hub may know; a folder's path is none."""
FIGURES = {
    "fvu": "share of the variance that is not explained (FVU)",
    "l0": "active latents of an example (L0)",
    "dead_share": "share of the latents that no held-out example activates",
    "mse": "mean squared error of scaled activations",
    "loss_recovered": "loss recovered",
}


def card_of(sae: Mapping[str, Any], measured: Mapping[str, float]) -> str:
    """Return the card of an autoencoder; `sae`: its metadata, `measured`: figures on held-out examples."""
    return "\n".join(
        [*_head(sae), "", f"# {_title(sae)}", "", *_body(sae), "", *_figures(measured), *_use(), ""]
    )


def _head(sae: Mapping[str, Any]) -> list[str]:
    """Return the front matter; JSON's texts are YAML's, so that no name ends it."""
    name = sae.get("model_name")
    base = [f"base_model: {json.dumps(name)}"] if name and HUB_NAME.fullmatch(name) else []
    tags = ["tags:", "- sparse-autoencoder", "- saelens", "- mechanistic-interpretability"]
    return ["---", "library_name: saelens", *tags, *base, "---"]


def _title(sae: Mapping[str, Any]) -> str:
    layer = "" if sae.get("layer_idx") is None else f", layer {sae['layer_idx']}"
    return f"Sparse autoencoder of {_plain(sae.get('model_name') or 'stored activations')}{layer}"


def _body(sae: Mapping[str, Any]) -> list[str]:
    chosen = f", k {sae['k']}" if sae.get("k") else ""
    return [
        f"{sae['architecture']}: {sae['input_dim']} activations, {sae['latent_dim']} latents{chosen}; "
        f"{sae.get('training_steps')} steps, completed {sae.get('training_completed_at')}.",
    ]


def _figures(measured: Mapping[str, float]) -> list[str]:
    rows = [f"| {text} | {measured[name]:.4g} |" for name, text in FIGURES.items() if name in measured]
    return ["| on held-out examples | |", "| --- | --- |", *rows]


def _use() -> list[str]:
    return ["", "```python", "from sae_lens import SAE", "", 'sae = SAE.load_from_disk("this folder")', "```"]


def _plain(text: str) -> str:
    """Return a name without what Markdown or HTML would take for its own."""
    kept = "".join(mark for mark in text if mark.isprintable())
    return re.sub(r"([\\`*_{}\[\]<>()#!|])", r"\\\1", kept)
