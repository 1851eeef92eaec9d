"""`train_sae page FOLDER`: a page about a training's autoencoder, from what the training wrote."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from trainers.common.errors import BadInput
from trainers.common.json_files import read_json_file
from trainers.sae.page.build import Subject, page_of
from trainers.sae.page.packing import packed, read_features
from worker_agent.protocol.whole_files import write_whole

PAGE, FEATURES = "page.html", "features.parquet"
FIGURES = {
    "architecture": "architecture",
    "latents": "latent_dim",
    "k": "k",
    "activations": "input_dim",
    "layer": "layer_idx",
    "model": "model_name",
    "steps": "training_steps",
    "completed": "training_completed_at",
}


def run(argv: Sequence[str], stream: TextIO) -> None:
    """Write the page; BadInput where the folder holds no training."""
    flags = _parser().parse_args(argv)
    path = write_page(flags.folder, flags.output)
    print(f"{path}: {path.stat().st_size >> 10} KiB", file=stream)


def write_page(folder: Path, output: Path | None = None) -> Path:
    """Write the page of a folder of results, with its features where it has them; return its path."""
    path = folder / PAGE if output is None else output
    write_whole(path, page_of(subject_of(folder)).encode())
    return path


def subject_of(folder: Path) -> Subject:
    """Return what a folder of results tells; BadInput where it holds none."""
    found = sorted(folder.glob("sae*_metadata.json"))
    if len(found) != 1:
        raise BadInput(f"{folder}: one training's results are wanted, found {len(found)} sae*_metadata.json")
    metadata, measured = read_json_file(found[0]), read_json_file(folder / "evaluation.json")
    figures = {name: metadata.get(key) for name, key in FIGURES.items()}
    figures |= {
        "not explained (FVU)": measured.get("fvu"),
        "active (L0)": measured.get("l0"),
        "dead": measured.get("dead_share"),
        "loss recovered": measured.get("loss_recovered"),
    }
    features = packed(read_features(folder / FEATURES)) if (folder / FEATURES).exists() else None
    model, layer = metadata.get("model_name") or "activations", metadata.get("layer_idx")
    title = f"Sparse autoencoder of {model}" + ("" if layer is None else f", layer {layer}")
    records = _records(folder / "train_log.jsonl")
    return Subject(title, figures, records, measured.get("density") or {}, features)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("train_sae page", description=__doc__)
    parser.add_argument("folder", type=Path, help="the output of a training")
    parser.add_argument("--output", type=Path, metavar="FILE", help=f"default {PAGE} in the folder")
    return parser


def _records(path: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        return []
    except ValueError as error:
        raise BadInput(f"{path}: a line is not JSON ({error})") from error
