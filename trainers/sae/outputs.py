"""The folder of a training's results: whose it is, and what is written to it."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from trainers.common.activations.reading import Wanted, columns_of, read_rows
from trainers.common.errors import BadInput, TrainerError
from trainers.common.files import write_bytes, write_json
from trainers.common.json_files import read_json_file
from trainers.common.resume import as_json
from trainers.sae.checkpoints import MEMORY, STATE
from trainers.sae.commands.page import FEATURES, PAGE, write_page
from trainers.sae.evaluation import Evaluation
from trainers.sae.files.card import CARD, card_of
from trainers.sae.files.features import COLUMNS, feature_rows, top_examples, write_features
from trainers.sae.files.saelens import write_saelens
from trainers.sae.files.saved import SavedSae
from trainers.sae.files.seed import described, write_seed
from trainers.sae.files.sparsify import write_sparsify

CONFIG = "sae_config.json"
EVALUATION = "evaluation.json"
METRICS = "metrics.json"
"""What tables over jobs are made of."""
COMPLETED = "training_completed_at"
RESULTS = (
    "sae.safetensors",
    "sae_layer_*.safetensors",
    "sae_fast*.safetensors",
    "sae_metadata.json",
    "sae_layer_*_metadata.json",
    "sae_fast*_metadata.json",
    EVALUATION,
    METRICS,
    "train_log.*",
    FEATURES,
    PAGE,
)
"""Patterns of what a training writes beside its settings and the folders of packages."""
PACKAGES = {"saelens": "cfg.json", "sparsify": "layers.*"}
"""Folders that are written for other packages, and what is in each."""
FEATURE_ROWS = 50_000
"""Examples among which the strongest are sought, the first ones."""
Measured = tuple[SavedSae, Evaluation]
EXPORTS = ("saelens", "sparsify", "features", "page")


def discard(folder: Path, checkpoints: Path) -> None:
    """Delete what a training left that is to be written over: all but what trackers keep of it."""
    for name in ("step_*.pt", STATE, MEMORY, "*.ckpt"):
        _unlink(checkpoints, name)
    for name in RESULTS:
        _unlink(folder, name)
    for name, mark in PACKAGES.items():
        if any((folder / name).glob(mark)):  # what is not such a package is not ours
            shutil.rmtree(folder / name)
    _unlink(folder, CONFIG)


def _unlink(folder: Path, name: str) -> None:
    for path in list(folder.glob(name)):
        path.unlink(missing_ok=True)


def is_written(folder: Path, stem: str, sae: SavedSae) -> bool:
    """Return whether the results of this autoencoder are there, whenever it was finished."""
    names = (EVALUATION, METRICS, f"{stem}.safetensors", f"{stem}_metadata.json")
    if not all((folder / name).is_file() for name in names):
        return False
    there, now = read_json_file(folder / names[-1]), as_json({**described(sae), **sae.metadata})
    return {**there, COMPLETED: None} == {**now, COMPLETED: None}


def write_results(
    folder: Path, stem: str, sae: SavedSae, found: Evaluation, exports: Mapping[str, Callable[[], None]]
) -> Path:
    """Write an autoencoder, its figures, and what others read; return the file of weights."""
    write_json(folder / EVALUATION, {**found.figures(), "density": found.density()})
    write_json(folder / METRICS, found.figures())
    write_seed(folder, stem, sae)
    return write_exports(folder, stem, exports)


def write_exports(folder: Path, stem: str, exports: Mapping[str, Callable[[], None]]) -> Path:
    """Write what others read, beside an autoencoder that is there; return its file of weights."""
    for export in exports.values():
        export()
    return folder / f"{stem}.safetensors"


def exports_of(
    names: tuple[str, ...], folder: Path, layer: int, result: Measured, source: Path
) -> dict[str, Callable[[], None]]:
    """Return what writes each of the wanted forms; `source`: the activations, which may come with texts."""
    sae, found = result
    known: dict[str, Callable[[], None]] = {
        "saelens": lambda: _write_saelens(folder / "saelens", sae, found),
        "sparsify": lambda: write_sparsify(folder / "sparsify", layer, sae),
        "features": lambda: _write_features(folder, sae, found, source),
        "page": lambda: _write_page(folder),
    }
    wanted = {*names, "features"} if "page" in names else {*names}
    return {name: export for name, export in known.items() if name in wanted}


def _write_saelens(folder: Path, sae: SavedSae, found: Evaluation) -> None:
    write_saelens(folder, sae, found.frequency_L)
    about = {**described(sae), **sae.metadata}
    write_bytes(folder / CARD, card_of(about, found.figures()).encode())


def _write_features(folder: Path, sae: SavedSae, found: Evaluation, source: Path) -> None:
    layer = sae.metadata.get("layer_idx")
    rows = read_rows(source, Wanted(layer, limit=FEATURE_ROWS))
    texts = columns_of(source, layer, tuple(COLUMNS), FEATURE_ROWS)
    strongest = top_examples(sae, rows.blocks())
    write_features(folder / FEATURES, feature_rows(sae, found, strongest, texts))


def _write_page(folder: Path) -> None:
    write_page(folder)


def check_exports(names: tuple[str, ...], kind: str) -> None:
    """Raise BadInput, before training, for a form that such an autoencoder has not."""
    for name in names:
        if name not in EXPORTS:
            raise BadInput(f"--export {name}: must be of {', '.join(EXPORTS)}")
    if {"features", "page"} & {*names} and importlib.util.find_spec("pyarrow") is None:
        raise TrainerError("--export features and page need pyarrow: pip install 'twophase[parquet]'")
    if kind == "gelu" and {"saelens", "sparsify"} & {*names}:
        raise BadInput("--export: no other package has GELU autoencoders")
    if "sparsify" in names and kind in ("relu", "jumprelu"):
        raise BadInput(f"--export sparsify: it has no {kind} autoencoder, only those of k active latents")
