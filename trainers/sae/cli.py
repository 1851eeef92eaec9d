"""The command `train_sae`, with the sub-commands `train_sae` (the default) and `train_sae_fast`.

torch is imported only where something is trained: help and settings are told at once.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from trainers.common.errors import BadInput, exit_code_of
from trainers.common.json_files import read_flag_json, read_json_file
from trainers.sae.settings import (
    CHOICES,
    PRESETS,
    WORKERS,
    Settings,
    settings_of,
    within_fast,
)
from worker_agent.protocol.script_contract import BASE_ONLY, ScriptContract

if TYPE_CHECKING:
    from trainers.sae.run import Request

NAME = "train_sae"
DESCRIPTION = "Train a sparse autoencoder on the stored activations of one layer."
DEFAULT_OUTPUT = Path("data/sae")
INTERRUPTED = 130
FAST = "train_sae_fast"
COMMANDS = {
    "cache": "what is kept of prepared activations",
    "page": "a page about a training's features",
    "recover": "how much of a model's loss comes back",
    "prune": "leave out latents that nothing activates",
}
"""Words that do something else than training, each a module with `run`."""
TUNED = ("k", "learning_rate", "max_epochs", "max_steps", "max_samples")
"""What may be another for what starts from a base model than for the base model."""
HELP = {
    "architecture": "batchtopk is recommended; relu and gelu have an L1 penalty, the others a number k",
    "latent_dim": "latents",
    "k": "active latents of an example: exactly, on average over a batch, or JumpReLU's target",
    "tied_weights": "the decoder is the encoder's transpose (relu, gelu)",
    "sparsity_coef": "weight of mean |z| (default 1e-3), or of JumpReLU's target (default 1, tanh 0.1)",
    "bandwidth": "of JumpReLU's gradients (default 0.1, with tanh 2)",
    "sparsity_target": "of JumpReLU: quadratic for k active latents, or tanh, as its weight has it",
    "unit_norm": "keep the decoder's rows at norm 1",
    "normalise": "scale activations to a mean norm of the root of their number; folded into what is saved",
    "aux_coef": "weight of what dead latents make of the error; 0 is none",
    "dead_after": "examples without activity after which a latent counts as dead",
    "resample_every": "steps after which dead latents are drawn anew, in the first half; 0 never",
    "learning_rate": "default: scaled to latents and batch",
    "batch_size": "default: by what the optimiser's traffic allows",
    "schedule": "linear: warm-up, constant, then to 0; restarts: cosine over 10, 20, 40 … epochs",
    "decay_share": "part of the steps over which linear falls",
    "clip_norm": "0 does not clip",
    "schedule_epochs": "along which schedules are laid, at least --max-epochs (default: --max-epochs)",
    "max_steps": "ends earlier or later than --max-epochs",
    "accumulate": "batches to a step",
    "val_per_epoch": "validations of an epoch",
    "val_share": "held-out part, where the file has no split val",
    "patience": "validations without a better loss before training ends; 0: never",
    "keep_checkpoints": "the best ones",
    "max_samples": "examples at most, the first ones of the file",
    "engine": "lightning: the usual Trainer and DataLoader, for comparison (relu, gelu, topk)",
    "kernels": "auto: in Triton on a CUDA GPU, in C++ on a CPU (not for nested ones, relu, gelu), else plain",
    "dense_above": "share of active latents above which products are dense (default: timed at the start)",
    "precision": "bfloat16, int8: choose latents in it, values are in float32; auto takes the fastest",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Train the autoencoder that the flags name, or do what another word says; return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    again = "the same command"
    try:
        if words and words[0] in COMMANDS:
            command = importlib.import_module(f"trainers.sae.commands.{words[0]}")
            return exit_code_of(lambda: command.run(words[1:], sys.stdout), f"{NAME} {words[0]}", sys.stderr)
        arguments = build_parser().parse_args(words)
        again += " without --overwrite" if arguments.overwrite else ""
        return exit_code_of(
            lambda: run(arguments, ScriptContract.from_environ(), sys.stdout), NAME, sys.stderr
        )
    except ModuleNotFoundError as error:
        raise SystemExit(f"{NAME}: {error}: training needs pip install 'twophase[trainers]'") from error
    except KeyboardInterrupt:
        print(f"{NAME}: interrupted; {again} goes on from the last checkpoint", file=sys.stderr)
        return INTERRUPTED


def run(arguments: argparse.Namespace, contract: ScriptContract | None, stream: TextIO) -> None:
    """Do what parsed flags say, and tell it to `stream`."""
    given = {**_config(arguments.config), **_given(arguments)}
    own = {name: given.pop(name) for name in list(given) if name not in _SETTINGS}
    is_fast = arguments.command == FAST or "training_mode" in own
    preset = own.pop("preset", "seed-fast" if is_fast else "recommended")
    own.setdefault("num_workers", WORKERS.get(preset, 8))
    values = settings_of(preset, given).as_config()
    settings = Settings(**(within_fast(values) if is_fast else values))
    if arguments.print_config:
        print(json.dumps({"preset": preset, **settings.as_config()}, indent=2), file=stream)
        return
    request = _request(own, settings, contract, arguments)
    from trainers.common.memory import memory_advice
    from trainers.sae.run import train

    with memory_advice("training", "lower --latent-dim, --batch-size or --max-samples"):
        train(request, lambda line: print(line, file=stream, flush=True), _progress(contract, stream))


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command; every flag may be written with - or with _."""
    others = "; ".join(f"{NAME} {word}: {about}" for word, about in COMMANDS.items())
    parser = argparse.ArgumentParser(
        NAME, description=DESCRIPTION, epilog=f"{others} (--help)", argument_default=argparse.SUPPRESS
    )
    parser.add_argument("command", nargs="?", choices=(NAME, FAST), default=NAME)
    add = _Adder(parser)
    _add_places(add)
    _add_base_models(add)
    for field in fields(Settings):
        _add_setting(add, field.name, str(field.type))
    return parser


def _add_places(add: _Adder) -> None:
    add(
        "activation_path",
        type=Path,
        help="Parquet (a file, a folder of shards or layers), HDF5, safetensors, .npy",
    )
    add("layer_idx", type=int, help="the layer whose activations are taken from the file")
    add("output_dir", type=Path, help=f"default {DEFAULT_OUTPUT}; in a job the job's output")
    add("preset", choices=tuple(PRESETS), help="what the other flags start from (default recommended)")
    add(
        "config",
        type=Path,
        default=None,
        help="JSON of settings, such as a written sae_config.json; flags win",
    )
    add("print_config", action="store_true", default=False, help="print all settings as JSON, and end")
    add(
        "export",
        help="of saelens, sparsify (directories of these packages), features, page (a file each), by commas",
    )
    add(
        "start",
        type=Path,
        help="an autoencoder to start from: a file of ours, or a folder of another package",
    )
    add("log", help="of tensorboard, wandb, by commas: beside train_log.jsonl and .csv")
    add("device", help="auto, cpu, cuda or cuda:<number>")
    add(
        "num_workers",
        type=int,
        help="threads that compute, at most; with --engine lightning, processes of the DataLoader "
        "(default: 8, with seed-fast 12, with seed-before 4)",
    )
    add("model_name", help="of the model whose activations these are, for the metadata")
    add("training_mode", choices=("fast",), help="as train_sae_fast; its files are called sae_fast_layer_<i>")
    add("overwrite", action="store_true", default=False, help="train anew over results of other settings")
    add(
        "prepared_cache",
        help="folder of what was prepared for earlier trainings, or off (default: the user's)",
    )


def _add_base_models(add: _Adder) -> None:
    add("mode", help="base_only trains a base model; set by Twophase")
    add("base_layer_idx", type=int, help="with base models: the layer that the base model is trained on")
    add(
        "base_activation_path", type=Path, help="with base models: the file that the base model is trained on"
    )
    for name in TUNED:
        kind: type = float if name == "learning_rate" else int
        add(f"tune_{name}", type=kind, help=f"instead of --{name.replace('_', '-')}, from a base model on")


class _Adder:
    """Adds flags under both spellings."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._parser = parser

    def __call__(self, name: str, **options: Any) -> None:
        """Add the flag of a name."""
        spellings = dict.fromkeys((f"--{name.replace('_', '-')}", f"--{name}"))
        self._parser.add_argument(*spellings, dest=name, **options)


def _add_setting(add: _Adder, name: str, kind: str) -> None:
    text = HELP.get(name)
    if kind == "bool":
        add(name, action=argparse.BooleanOptionalAction, help=text)
    elif name in CHOICES:
        add(name, choices=CHOICES[name], help=text)
    else:
        add(name, type=float if "float" in kind else int, help=text)


def _given(arguments: argparse.Namespace) -> dict[str, Any]:
    left_out = ("command", "config", "print_config", "overwrite")
    return {name: value for name, value in vars(arguments).items() if name not in left_out}


def _config(path: Path | None) -> dict[str, Any]:
    """Return the settings of a file: one of the user's, or one that a training wrote."""
    if path is None:
        return {}
    value = read_flag_json("--config", path, "a JSON object of settings")
    known = {*_SETTINGS, *_OTHERS}
    unknown = sorted(name for name in value if name not in known and not name.startswith("_"))
    if unknown:
        raise BadInput(
            f"--config {path}: {', '.join(unknown)}: no setting; they are {', '.join(sorted(known))}"
        )
    found = {name: one for name, one in value.items() if not name.startswith("_")}
    for name in found.keys() & _OTHERS.keys():
        if type(found[name]) not in _OTHERS[name]:
            raise BadInput(f"--config {path}: {name} is {found[name]!r}, which it cannot be")
    return found | ({"activation_path": Path(found["activation_path"])} if "activation_path" in found else {})


_SETTINGS = tuple(field.name for field in fields(Settings))
_OTHERS = {"preset": (str,), "activation_path": (str,), "layer_idx": (int, type(None))}
"""What a file may hold besides settings."""


def _request(
    own: Mapping[str, Any], settings: Settings, contract: ScriptContract | None, arguments: argparse.Namespace
) -> Request:
    is_base = own.get("mode") == BASE_ONLY
    parent = contract.parent_model_dir if contract is not None and is_base else None
    lower = contract.resume_model_dir if contract is not None and is_base else None
    is_child = parent is not None or (lower is not None and _is_of_child(lower))
    path, layer = _activations(own, is_base=is_base, is_child=is_child)
    if path is None:
        name = "--base-activation-path" if is_base else "--activation-path"
        raise BadInput(f"{name} FILE is needed: the activations to train on")
    start = own.get("start")
    output = own.get("output_dir", DEFAULT_OUTPUT)
    checkpoints = output / "checkpoints"
    if contract is not None:
        output, checkpoints = contract.output_dir, contract.checkpoint_dir
        if contract.base_model_dir is not None:
            output, start = (contract.base_model_dir, start) if is_base else (output, contract.base_model_dir)
    # The order of parameters is that of what they came of, which the lower rung has, too.
    start, is_root = parent or (lower if is_child else start), is_base and not is_child
    tuned = {name: own[f"tune_{name}"] for name in TUNED if f"tune_{name}" in own and not is_root}
    if tuned and start is None:
        flags = ", ".join(f"--tune-{name.replace('_', '-')}" for name in tuned)
        raise BadInput(f"{flags}: for what starts from a base model, and there is none: give --start PATH")
    if {"max_epochs", "max_steps"} & tuned.keys():
        tuned["schedule_epochs"] = None  # that of the base model, which is longer or shorter
    from trainers.sae.run import Request

    return Request(
        activation_path=path,
        settings=replace(settings, **tuned),
        output_dir=output,
        checkpoint_dir=checkpoints,
        layer_idx=layer,
        device=own.get("device", "auto"),
        num_workers=own["num_workers"],
        exports=tuple(part for part in own.get("export", "").split(",") if part),
        start=start,
        is_child=is_child,
        trackers=tuple(part for part in own.get("log", "").split(",") if part),
        model_name=own.get("model_name"),
        training_mode="fast" if arguments.command == FAST else own.get("training_mode"),
        stem_prefix="sae_fast" if "training_mode" in own else "sae",
        prepared_cache=own.get("prepared_cache"),
        overwrite=arguments.overwrite,
        resume=lower,
        keeps_state=contract is not None and is_base and contract.keeps_state,
    )


def _is_of_child(lower: Path) -> bool:
    """Return whether a base model of fewer epochs came of a parent, which those of more need no longer."""
    from trainers.sae.outputs import CONFIG
    from trainers.sae.run import PARENT

    fingerprint = read_json_file(lower / CONFIG).get("_fingerprint")
    return isinstance(fingerprint, dict) and fingerprint.get("start") == PARENT


def _activations(own: Mapping[str, Any], *, is_base: bool, is_child: bool) -> tuple[Path | None, int | None]:
    """Return the file and the layer to train on; a child takes its parent's where it is told no others."""
    path, layer = own.get("activation_path"), own.get("layer_idx")
    if not is_base:
        return path, layer
    of_base = own.get("base_activation_path"), own.get("base_layer_idx")
    first, second = ((path, layer), of_base) if is_child else (of_base, (path, layer))
    return first[0] or second[0], second[1] if first[1] is None else first[1]


def _progress(contract: ScriptContract | None, stream: TextIO) -> Callable[..., None]:
    def tell(epoch: int, epochs: int, **figures: float) -> None:
        texts = "  ".join(f"{name} {value:.4g}" for name, value in figures.items())
        print(f"epoch {epoch}/{epochs}  {texts}", file=stream, flush=True)
        if contract is not None:
            contract.report_progress(epoch, epochs, **figures)

    return tell
