"""The command `train_probes`.  torch is imported only where something is trained: help is told at once."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from trainers.common.errors import TrainerError, exit_code_of
from trainers.common.flags import at_least, below, positive, whole
from trainers.probes.settings import DTYPES, RECIPES
from worker_agent.protocol.script_contract import ScriptContract

NAME = "train_probes"
NEEDS = "training needs torch, numpy, h5py and scikit-learn: pip install 'twophase[trainers]'"
DEFAULT_OUTPUT = Path("data/probes_binary")
INTERRUPTED = 130
SEEDS = 1 << 43
"""A generator has 63 bits of seed, and 20 of them tell the probes apart."""

ACTIVATIONS_HELP = "HDF5 files of train, val and test; with --layer also a directory or a path with {layer}"
RECIPE_HELP = (
    "sets the next three, --epochs and --lr; original: raw, zero, 0, 50 and 5e-4, as the first version of "
    "this trainer"
)
INPUTS_HELP = "standardise activations by the training split while training (default), or leave them raw"
BIAS_HELP = "begin at the log-odds of each class (default), or near zero"
SOLVER_HELP = (
    "exact: L2 logistic regression by L-BFGS; the better choice for up to about 100 activations or for few "
    "examples, and where one number must come out whatever the seed; adamw, which keeps the best epoch, is "
    "for wide activations, where it is better and faster, for multihead and for several --lr"
)
STEPS_HELP = (
    "steps of an epoch at least: smaller batches for few examples (default 15; multihead and raw inputs 30; "
    "original: 0)"
)
EPOCHS_HELP = "default 7; multihead, raw inputs and original: 50"
BASELINE_HELP = "also score prevalence and the exact solver, beside every probe"
LR_HELP = (
    "learning rates (default 0.1 over the root of the number of activations; multihead and raw inputs 1e-3; "
    "original: 5e-4); several, by commas or spaces, train together and each probe keeps its best"
)
EXECUTOR_HELP = "fused: all probes in one model; thread: one by one in threads (default: the faster)"
WORKERS_HELP = "thread: probes at a time; fused and exact: CPU threads at most (default 8)"
PIN_HELP = "hold activations in GPU memory (default); without a GPU this changes nothing"
MEMORY_HELP = "host memory for activations, more is streamed (default: 70%% of what is free)"


def main(argv: Sequence[str] | None = None) -> int:
    """Train the probes that the flags name; return the exit code."""
    arguments = build_parser().parse_args(argv)
    try:
        contract = ScriptContract.from_environ()
        return exit_code_of(lambda: train(arguments, contract, sys.stdout), NAME, sys.stderr)
    except KeyboardInterrupt:
        print(f"{NAME}: interrupted; the same command continues with the missing probes", file=sys.stderr)
        return INTERRUPTED


def train(arguments: argparse.Namespace, contract: ScriptContract | None, stream: TextIO) -> None:
    """Train what parsed flags name and tell it to `stream`.

    Raises TrainerError where something that training needs is not installed.
    """
    try:
        from trainers.probes.command import Place, train_probes
    except ModuleNotFoundError as error:  # the flags are told all the same
        raise TrainerError(f"{error}: {NEEDS}") from error
    train_probes(arguments, Place(contract, stream))


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; every flag may be spelled with dashes or underscores."""
    parser = argparse.ArgumentParser(
        prog=NAME,
        description="Train one binary probe per class on stored activations, all of them at once.",
        epilog=f"{NEEDS[0].upper()}{NEEDS[1:]}",
        allow_abbrev=False,
    )
    _data_flags(parser.add_argument_group("data and results"))
    training = parser.add_argument_group("training")
    for add_flags in (_training_flags, _schedule_flags, _start_flags, _solver_flags):
        add_flags(training)
    _execution_flags(parser.add_argument_group("execution"))
    # Fields of a job that concern the run, not the script.
    parser.add_argument("--prefix", help=argparse.SUPPRESS)
    parser.add_argument("--mode", help=argparse.SUPPRESS)
    return parser


def _data_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--activations", nargs="+", required=True, metavar="FILE", help=ACTIVATIONS_HELP)
    add("--layer", nargs="+", default=[], metavar="N", help="layers to train, and how results name them")
    add(
        "--output-dir",
        "--output_dir",
        type=Path,
        help=f"where results go (default {DEFAULT_OUTPUT}; in a job, its output)",
    )
    add("--actions", type=Path, metavar="FILE", help="class names, one a line (default: those in the file)")
    add("--baseline", action="store_true", help=BASELINE_HELP)
    add("--overwrite", action="store_true", help="delete results of other settings in the output directory")


def _training_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--model-type", "--model_type", choices=("linear", "multihead"), default="linear")
    add(
        "--hidden-dim",
        "--hidden_dim",
        type=whole(1),
        default=512,
        help="width of the multihead probe (default 512)",
    )
    add("--dropout", type=below(0, 1), default=0.1)
    add(
        "--batch-size",
        "--batch_size",
        type=whole(1),
        default=512,
        help="examples a step at most (default 512)",
    )
    add("--epochs", type=whole(1), help=EPOCHS_HELP)
    add("--lr", nargs="+", type=_numbers, metavar="RATE", help=LR_HELP)
    add(
        "--weight-decay",
        "--weight_decay",
        nargs="+",
        type=_numbers,
        default=[(1e-3,)],
        metavar="DECAY",
        help="as --lr",
    )
    add(
        "--early-stopping-patience",
        "--early_stopping_patience",
        type=whole(1),
        default=10,
        metavar="EPOCHS",
    )
    add("--dtype", choices=("auto", *DTYPES), default="auto", help="of activations (auto: bfloat16 on CUDA)")
    add("--seed", type=whole(0, SEEDS), default=0)


def _schedule_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--no-scheduler",
        "--no_scheduler",
        dest="scheduler",
        action="store_false",
        help="keep the learning rate constant",
    )
    add(
        "--use-scheduler",
        "--use_scheduler",
        dest="scheduler",
        action="store_true",
        default=True,
        help="let it fall along a cosine (default)",
    )
    add(
        "--schedule-epochs",
        "--schedule_epochs",
        type=whole(1),
        metavar="EPOCHS",
        help="epochs along which the cosine is laid, at least --epochs (default: --epochs)",
    )
    add("--min-lr", "--min_lr", type=at_least(0), default=1e-5, help="end of the cosine (default 1e-5)")


def _start_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--pos-weight",
        "--pos_weight",
        type=_pos_weight,
        default=1.0,
        help="weight of positives: a number or 'balanced'",
    )
    add("--recipe", choices=tuple(RECIPES), default="default", help=RECIPE_HELP)
    add("--inputs", choices=("standardised", "raw"), help=INPUTS_HELP)
    add("--epoch-steps", "--epoch_steps", type=whole(0), metavar="STEPS", help=STEPS_HELP)
    add("--bias-start", "--bias_start", choices=("log-odds", "zero"), help=BIAS_HELP)


def _solver_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--solver", choices=("adamw", "exact"), default="adamw", help=SOLVER_HELP)
    add("--C", type=positive, default=1.0, help="exact: inverse of the L2 penalty (default 1)")
    add("--tol", type=positive, default=1e-5, help="exact: mean gradient at the end (default 1e-5)")
    add(
        "--max-iter",
        "--max_iter",
        type=whole(1),
        default=500,
        help="exact: iterations at most (default 500)",
    )


def _execution_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--executor", choices=("auto", "fused", "thread"), default="auto", help=EXECUTOR_HELP)
    add("--loader", choices=("memory", "dataloader"), help="thread: source of batches (default dataloader)")
    add("--num-workers", "--num_workers", type=whole(1), default=8, help=WORKERS_HELP)
    add("--device", default="auto", help="auto, cpu, cuda, cuda:<n>, mps; 0 is auto")
    add(
        "--pin-activations-to-gpu",
        "--pin_activations_to_gpu",
        dest="pin",
        action="store_true",
        default=True,
        help=PIN_HELP,
    )
    add(
        "--no-pin-activations",
        "--no_pin_activations",
        dest="pin",
        action="store_false",
        help="leave them in host memory",
    )
    add("--memory-limit", "--memory_limit", type=positive, metavar="GIB", help=MEMORY_HELP)


def _numbers(text: str) -> tuple[float, ...]:
    numbers = tuple(at_least(0)(part) for part in text.split(",") if part.strip())
    if not numbers:
        raise argparse.ArgumentTypeError(f"{text!r} holds no number")
    return numbers


def _pos_weight(text: str) -> float | str:
    return text if text == "balanced" else positive(text)


if __name__ == "__main__":
    sys.exit(main())
