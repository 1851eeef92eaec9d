"""`train_sae prune FOLDER`: the same autoencoder without the latents that no example activates."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from torch import Tensor

from trainers.common.activations.reading import Wanted, has_split, read_rows
from trainers.common.errors import BadInput
from trainers.common.files import write_json
from trainers.common.json_files import read_json_file
from trainers.sae.data import memory_for_rows
from trainers.sae.files.loading import load_sae
from trainers.sae.files.seed import write_seed
from trainers.sae.pruning import active_counts, largest_difference, pruned, report_of

CONFIG, REPORT = "sae_config.json", "pruning.json"


def run(argv: Sequence[str], stream: TextIO) -> None:
    """Write the smaller autoencoder and a report; BadInput where there is nothing to prune or to look at."""
    flags = _parser().parse_args(argv)
    sae, (path, layer) = load_sae(flags.folder), _activations(flags)
    if sae.form.kind == "gelu":
        raise BadInput(f"{flags.folder}: latents of GELU are never quite silent: none can be left out")
    if (flags.output / REPORT).exists():
        raise BadInput(f"{flags.output}: holds a pruned autoencoder already; name another folder")
    counts, examples = active_counts(sae, _blocks(path, layer))
    kept = counts.nonzero()[:, 0]
    smaller = pruned(sae, kept)
    difference = largest_difference(sae, smaller, _blocks(path, layer))
    report = report_of(sae, smaller, kept, examples, difference)
    metadata = {**sae.metadata, "pruned_from": report.latents_before}
    for name in ("k", "latent_dim"):
        metadata.pop(name, None)
    stem = "sae" if layer is None else f"sae_layer_{layer}"
    written = write_seed(flags.output, stem, replace(smaller, metadata=metadata))
    write_json(flags.output / REPORT, {**report.as_json(), "activation_path": path, "layer_idx": layer})
    print(
        f"{written}: {report.latents_after} of {report.latents_before} latents, the others active in none of "
        f"{examples} examples; {report.bytes_after / 2**20:.1f} MiB of {report.bytes_before / 2**20:.1f}; "
        f"reconstructions differ by {difference:.2g} at most",
        file=stream,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("train_sae prune", description=__doc__)
    parser.add_argument("folder", type=Path, help="the output of a training, or any other autoencoder")
    parser.add_argument("--output", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--activation-path", type=Path, help="default: the file of the training")
    parser.add_argument("--layer-idx", type=int, help="default: the layer of the training")
    return parser


def _activations(flags: argparse.Namespace) -> tuple[Path, int | None]:
    config: dict[str, Any] = {}
    if (flags.folder / CONFIG).is_file():
        config = read_json_file(flags.folder / CONFIG)
    path = flags.activation_path or config.get("activation_path")
    if path is None:
        raise BadInput(f"{flags.folder}: does not tell its activations; name them by --activation-path")
    return Path(path), config.get("layer_idx") if flags.layer_idx is None else flags.layer_idx


def _blocks(path: Path, layer: int | None) -> Iterator[Tensor]:
    """Yield all examples of a file, of every split that training looked at."""
    for split in ("train", *(["val"] if has_split(path, layer, "val") else [])):
        yield from read_rows(path, Wanted(layer, split, memory=memory_for_rows())).blocks()
