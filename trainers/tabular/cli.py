"""The command `train_tabular`: models of a table, side by side.

    train_tabular --data parkinsons.csv --targets total_UPDRS --group subject --split group
    train_tabular --data rows.parquet --targets price --models all --seeds 0,1,2
    train_tabular --preset pmssm --data 'scans/*.root'

Reads CSV, Parquet, NPZ, HDF5 and ROOT files; trains, scores on rows that were held out, and writes one table,
one page and, for each model, a folder that predict_tabular reads.  The same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from trainers.common.errors import BadInput, TrainerError, exit_code_of
from trainers.common.flags import whole
from trainers.common.json_files import read_flag_json
from trainers.tabular.request import Request
from trainers.tabular.settings import DATA, MODEL, PRESETS, SETTINGS, SPLIT, TRAINING, TREE, settings_of
from worker_agent.protocol.script_contract import BASE_ONLY, ScriptContract

NAME = "train_tabular"
DEFAULT_OUTPUT = Path("data/tabular")
INTERRUPTED = 130
NEEDS = "training needs pip install 'twophase[trainers,tabular]'"
FILES, RUN, TWO_PHASE = "the rows", "the run", "base models"
_SCHEMA_KEYS = ("targets", "features", "categorical", "exclude", "group", "time")
_NO_SETTINGS = ("config", "print_config", "schema", "json", "check_gpus")
_LISTS = ("data", "tune_data", "export", "gpus")
_PATHS = ("output_dir", "start")


def main(argv: Sequence[str] | None = None, preset: str = "recommended") -> int:
    """Train the models that the flags name; return the exit code."""
    arguments, name = build_parser(preset).parse_args(argv), _name(preset)
    try:
        contract = ScriptContract.from_environ()
        return exit_code_of(lambda: run(arguments, contract, sys.stdout, preset), name, sys.stderr)
    except KeyboardInterrupt:
        print(f"{name}: interrupted; the same command goes on where this one stopped", file=sys.stderr)
        return INTERRUPTED


def run(
    arguments: argparse.Namespace,
    contract: ScriptContract | None,
    stream: TextIO,
    preset: str = "recommended",
) -> None:
    """Do what parsed flags say, and tell it to `stream`.

    Raises TrainerError where something that training needs is not installed.
    """
    request = asked(arguments, contract, stream, preset)
    if request is None:
        return
    try:
        from trainers.tabular.job import Place, job_of
        from trainers.tabular.running.together import run_alone
    except ModuleNotFoundError as error:
        raise TrainerError(f"{error}: {NEEDS}") from error
    run_alone(job_of(arguments, request, Place(contract, stream, sys.stderr)))


def asked(
    arguments: argparse.Namespace,
    contract: ScriptContract | None,
    stream: TextIO,
    preset: str = "recommended",
    root: Path = Path(),
) -> Request | None:
    """Return what parsed flags ask for, of files below `root`; None where `stream` was told all of it."""
    given = {**_config(arguments.config, root), **_schema(arguments.schema, root), **_given(arguments)}
    request = request_of(given, preset, contract, root)
    if not arguments.print_config:
        return request
    print(json.dumps(_as_config(given, preset, request), indent=2), file=stream)
    return None


def request_of(
    given: Mapping[str, Any], preset: str, contract: ScriptContract | None, root: Path = Path()
) -> Request:
    """Return what a mapping of settings and places asks for; BadInput for what does not go together."""
    settings = {name: value for name, value in given.items() if name in SETTINGS}
    own = {name: value for name, value in given.items() if name not in SETTINGS}
    chosen = str(own.get("preset", preset))
    made = settings_of(chosen, settings, testing=bool(own.get("testing", False)))
    is_base = own.get("mode") == BASE_ONLY
    output, checkpoints, start = own.get("output_dir", DEFAULT_OUTPUT), None, own.get("start")
    if contract is not None:
        output, checkpoints = contract.output_dir, contract.checkpoint_dir
        if contract.base_model_dir is not None:
            output, start = (contract.base_model_dir, start) if is_base else (output, contract.base_model_dir)
    parent = contract.parent_model_dir if contract is not None and is_base else None
    start = parent if is_base else start
    data = own.get("data", ())
    if contract is None and "tune_data" in own and start is None and not is_base:
        raise BadInput("--tune-data goes with --start FOLDER: the base model that is fitted to it")
    return Request(
        settings=made,
        data=tuple(data if "tune_data" not in own or start is None else own["tune_data"]),
        tree=own.get("tree", TREE.get(chosen)),
        output_dir=root / output,
        checkpoint_dir=root / (checkpoints or Path(output) / "checkpoints"),
        start=None if start is None else root / start,
        target_group=own.get("target_group"),
        is_base=is_base,
        device=own.get("device", "auto"),
        gpus=_gpu_numbers(own["gpus"]) if "gpus" in own else None,
        parallel=own.get("parallel", True),
        num_workers=own.get("num_workers", 8),
        compile=own.get("compile", False),
        stacking=own.get("stacking", "auto"),
        exports=tuple(own.get("export", ())),
        plots=own.get("plots", True),
        overwrite=own.get("overwrite", False),
        prepared_cache=own.get("prepared_cache"),
        root=root,
    )


def _gpu_numbers(words: Sequence[str]) -> tuple[int, ...]:
    wrong = [word for word in words if not word.isdecimal()]
    if wrong:
        raise BadInput(f"--gpus {', '.join(wrong)}: must be numbers, such as 0,1; --check-gpus tells them")
    return tuple(map(int, words))


def build_parser(preset: str = "recommended") -> argparse.ArgumentParser:
    """Return the parser of the command; every flag may be written with - or with _."""
    parser = argparse.ArgumentParser(
        _name(preset),
        description=__doc__,
        argument_default=argparse.SUPPRESS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    titles = (FILES, DATA, SPLIT, MODEL, TRAINING, RUN, TWO_PHASE)
    groups = {title: parser.add_argument_group(title) for title in titles}
    _add_files(_Adder(groups[FILES]))
    for name, one in SETTINGS.items():
        _add_setting(_Adder(groups[one.metadata["group"]]), name)
    _add_run(_Adder(groups[RUN]))
    _add_two_phase(_Adder(groups[TWO_PHASE]))
    return parser


def _name(preset: str) -> str:
    return NAME if preset == "recommended" else f"train_{preset}"


class _Adder:
    """Adds flags under both spellings."""

    def __init__(self, group: Any) -> None:
        self._group = group

    def __call__(self, name: str, help: str, *others: str, **options: Any) -> None:
        """Add the flag of a name."""
        spellings = dict.fromkeys((f"--{name.replace('_', '-')}", f"--{name}", *others))
        self._group.add_argument(*spellings, dest=name, help=help.replace("%", "%%"), **options)


def _add_files(add: _Adder) -> None:
    add("data", "files, or patterns such as 'runs/*.root', that are one table", nargs="+", metavar="FILE")
    add("tree", "in ROOT files: the TTree or RNTuple (default: the only one)")
    add(
        "schema",
        "JSON of targets, features, categorical, exclude, group, time, split, valid; flags win",
        type=Path,
        default=None,
    )
    add(
        "preset",
        "what the other flags start from; pmssm: 19 inputs and the relic density of a pMSSM scan",
        choices=tuple(PRESETS),
    )
    add("config", "JSON of settings, such as a written settings.json; flags win", type=Path, default=None)
    add("print_config", "print all settings as JSON, and end", action="store_true", default=False)


def _add_setting(add: _Adder, name: str) -> None:
    one, told = SETTINGS[name], SETTINGS[name].metadata
    if isinstance(one.default, bool) or name == "early_stopping":
        add(name, told["help"], action=argparse.BooleanOptionalAction)
    elif isinstance(one.default, tuple):
        single = _SINGLE.get(name, ())
        add(name, told["help"], *single, nargs="+", metavar=name.removesuffix("s").upper())
    else:
        add(name, told["help"], type=told["kind"], choices=told["choices"])


_SINGLE = {
    "targets": ("--target",),
    "models": ("--model",),
    "seeds": ("--seed",),
    "learning_rates": ("--learning-rate", "--learning_rate", "--lr"),
    "weight_decays": ("--weight-decay", "--weight_decay"),
    "clip_norms": ("--clip-norm", "--clip_norm"),
}
"""One of a list reads better without its s."""


def _add_run(add: _Adder) -> None:
    add("output_dir", f"default {DEFAULT_OUTPUT}; in a job the job's output", "--output", type=Path)
    add("device", "auto, cpu, cuda or cuda:<number>")
    add("gpus", "numbers of the GPUs to use, such as 1,2, as this process sees them", nargs="+")
    add(
        "parallel",
        "models on several GPUs at once where there are any; --no-parallel: one after the other",
        action=argparse.BooleanOptionalAction,
    )
    add("check_gpus", "tell which GPUs there are, and end", action="store_true", default=False)
    add("num_workers", "threads that compute, at most (default 8)", type=whole(1))
    add("compile", "compile networks where it was measured to pay", action=argparse.BooleanOptionalAction)
    add(
        "stacking",
        "members as one network, or one after the other; auto: as it is faster",
        choices=("auto", "stacked", "apart"),
    )
    add("testing", "a trial: 10 epochs, one file, 1000 rows, where not said otherwise", action="store_true")
    add("export", "of onnx, torch: networks for other programs", nargs="+")
    add(
        "plots",
        "page, pictures, logs, importance of columns (default)",
        action=argparse.BooleanOptionalAction,
    )
    add("overwrite", "train anew over results of other settings", action="store_true")
    add("prepared_cache", "folder where columns of large files are kept, or off (default: the user's)")
    add("json", "print the figures as JSON, and all else to stderr", action="store_true", default=False)


def _add_two_phase(add: _Adder) -> None:
    add("mode", "base_only trains a base model, set by Twophase; scratch starts from none in a job")
    add("target_group", "the group that a base model is fitted to, and whose rows the base model never sees")
    add("tune_data", "files that a base model is fitted to, instead of --data", nargs="+", metavar="FILE")
    add("start", "folder of an earlier output: its networks are trained further", type=Path)


def _given(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the flags that were given, lists with their commas taken apart."""
    values = {name: value for name, value in vars(arguments).items() if name not in _NO_SETTINGS}
    for name, value in values.items():
        if isinstance(value, list) and name not in ("data", "tune_data", "valid"):
            values[name] = [part.strip() for word in value for part in word.split(",") if part.strip()]
    return values


def _config(path: Path | None, root: Path) -> dict[str, Any]:
    """Return the settings of a file: one of the user's, or one that a training wrote."""
    if path is None:
        return {}
    value = read_flag_json("--config", root / path)
    known = {*SETTINGS, *_OTHERS}
    unknown = sorted(name for name in value if name not in known and not name.startswith("_"))
    if unknown:
        raise BadInput(
            f"--config {path}: {', '.join(unknown)}: no setting; they are {', '.join(sorted(known))}"
        )
    checked = {name: _other(path, name, value[name]) for name in _OTHERS if name in value}
    return {**{name: one for name, one in value.items() if not name.startswith("_")}, **checked}


def _other(path: Path, name: str, value: object) -> Any:
    """Return a value of `_OTHERS` as its flag gives it."""
    if name not in ("data", "tune_data"):
        if not isinstance(value, str):
            raise BadInput(f"--config {path}: {name} is {value!r}; must be a text")
        return value
    files = [value] if isinstance(value, str) else value
    if not isinstance(files, list) or not all(isinstance(one, str) for one in files):
        raise BadInput(f"--config {path}: {name} is {value!r}; must be the name of a file, or a list of them")
    return files


_OTHERS = ("data", "tree", "preset", "tune_data", "target_group", "start", "device")
"""What a file may hold beside settings."""


def _schema(path: Path | None, root: Path) -> dict[str, Any]:
    """Return the settings that a schema's file stands for."""
    if path is None:
        return {}
    value = read_flag_json("--schema", root / path)
    known = (*_SCHEMA_KEYS, "split", "valid")
    unknown = sorted({*value} - {*known})
    if unknown:
        raise BadInput(f"--schema {path}: {', '.join(unknown)}: no key; they are {', '.join(known)}")
    found = {name: value[name] for name in _SCHEMA_KEYS if name in value}
    if "split" in value:
        found |= {"split_column": value["split"], "split": "given"}
    if "valid" in value:
        if not isinstance(value["valid"], dict):
            raise BadInput(f'--schema {path}: valid must be like {{"target": "0..1"}}')
        found["valid"] = [f"{name}={range_}" for name, range_ in value["valid"].items()]
    return found


def _as_config(given: Mapping[str, Any], preset: str, request: Request) -> dict[str, Any]:
    others = {name: given[name] for name in _OTHERS if name in given}
    return {"preset": preset, **others, **request.settings.as_config()}
