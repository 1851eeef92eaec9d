"""The commands, started so that no folder of the user's is taken for a package of ours.

A project may hold a folder called `master`, `trainers` or `worker_agent`, and the user may stand in it or
have it on PYTHONPATH.  Python would import that one.  Here ours are imported by their place, beside this
file, and nothing looks for them by name:

    twophase --help                                all verbs and commands; also `python -m twophase`
    twophase ps --run DIR                          a verb of the program
    python -m twophase run_two_phase --help
    python -m twophase personalization --help      a built-in trainer, by its name
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
_PACKAGES = ("worker_agent", "trainers", "master")
_COMMANDS = {
    "run_two_phase": "master.commands.run_two_phase",
    "analyze_jobs": "master.commands.analyze_jobs",
    "run_all_training": "master.commands.run_all_training",
    "train_probes": "trainers.probes.cli",
    "train_sae": "trainers.sae.cli",
    "train_tabular": "trainers.tabular.cli",
    "train_pmssm": "trainers.tabular.pmssm",
    "predict_tabular": "trainers.tabular.predict",
    "worker_agent": "worker_agent.__main__",
}
_EXAMPLES = "examples and schemas lie in"
_VERBS = "master.verbs.dispatch"
_ABOUT = {
    "run_two_phase": "train every base model once, then run every experiment from it, here or on a cluster",
    "analyze_jobs": "tell which base models a jobs file needs and what sharing them saves",
    "run_all_training": "run all training scripts of a folder",
    "train_probes": "train probes on stored activations, without a jobs file",
    "train_sae": "train sparse autoencoders on stored activations, without a jobs file",
    "train_tabular": "train models of a table side by side, without a jobs file",
    "train_pmssm": "train_tabular with the inputs, target and models of a pMSSM scan",
    "predict_tabular": "ask a trained model of a table for rows of a file",
    "worker_agent": "what a worker runs; runs start it themselves",
}


def run_two_phase() -> int:
    """Run the command of this name with the words of this process."""
    return start("run_two_phase")


def analyze_jobs() -> int:
    """Run the command of this name with the words of this process."""
    return start("analyze_jobs")


def run_all_training() -> int:
    """Run the command of this name with the words of this process."""
    return start("run_all_training")


def train_probes() -> int:
    """Run the command of this name with the words of this process."""
    return start("train_probes")


def train_sae() -> int:
    """Run the command of this name with the words of this process."""
    return start("train_sae")


def train_tabular() -> int:
    """Run the command of this name with the words of this process."""
    return start("train_tabular")


def train_pmssm() -> int:
    """Run the command of this name with the words of this process."""
    return start("train_pmssm")


def predict_tabular() -> int:
    """Run the command of this name with the words of this process."""
    return start("predict_tabular")


def worker_agent() -> int:
    """Run the command of this name with the words of this process."""
    return start("worker_agent")


def start(name: str) -> int:
    """Run a command or a built-in trainer with the words of this process, and return its exit code."""
    if sys.argv[1:] == ["--version"]:
        return _tell_version(name)
    _import_ours()
    module = importlib.import_module(_COMMANDS.get(name) or _module_of(name))
    code: int = module.main()
    return code


def _tell_version(name: str) -> int:
    _import_ours()
    print(f"{name} {sys.modules['worker_agent'].__version__}")
    return 0


def _module_of(trainer: str) -> str:
    """Return the module that knows a trainer's flags: jobs start `__main__`, which may import all at once."""
    has_words = (_HERE / "trainers" / trainer / "cli.py").is_file()
    return f"trainers.{trainer}.{'cli' if has_words else '__main__'}"


def _import_ours() -> None:
    """Import our packages by their place; whatever imports them by name afterwards gets these."""
    for name in _PACKAGES:
        spec = importlib.machinery.PathFinder.find_spec(name, [str(_HERE)])
        if spec is None or spec.loader is None:
            sys.exit(f"twophase: the package {name} is missing beside {__file__}: install Twophase again")
        if getattr(sys.modules.get(name), "__file__", None) == spec.origin:
            continue
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)


def shared() -> Path:
    """Return the folder that holds `examples` and the schemas of `docs`."""
    return _HERE if (_HERE / "examples").is_dir() else Path(sys.prefix) / "share" / "twophase"


def _help() -> str:
    """Return all verbs and commands with what each is for, a line for each."""
    trainers = {path.parent.name: json.loads(path.read_text("utf-8")) for path in _manifests()}
    known = {**_ABOUT, **{name: f"trainer: {about['description']}" for name, about in trainers.items()}}
    lines = (f"  {name:<{max(map(len, known))}}  {text}" for name, text in known.items())
    usage = "usage: twophase VERB …; twophase VERB --help tells its options"
    verbs = _verbs().help_lines()
    commands = "the commands and trainers, as `twophase COMMAND …` or by their names:"
    return "\n".join([usage, "", *verbs, "", commands, *lines, "", f"{_EXAMPLES} {shared()}"])


def _verbs() -> Any:
    _import_ours()
    return importlib.import_module(_VERBS)


def _manifests() -> list[Path]:
    return sorted(_HERE.glob("trainers/*/manifest.json"))


def main() -> int:
    """Do what the verb or the command says that the first word names."""
    words = sys.argv[1:]
    known = [*_COMMANDS, *(path.parent.name for path in _manifests())]
    if words in (["-h"], ["--help"]):
        print(_help())
        return 0
    if words == ["--version"]:
        return _tell_version("twophase")
    if words and words[0] in known:
        sys.argv = words
        return start(words[0])
    if words and words[0] in _verbs().VERBS:
        return _do(words[0], words[1:])
    return _unknown(words, known)


def _do(verb: str, words: list[str]) -> int:
    code: int = _tell_version(f"twophase {verb}") if words == ["--version"] else _verbs().main(verb, words)
    return code


def _unknown(words: list[str], known: list[str]) -> int:
    if words:
        wrong, code = _verbs().unknown(words[0], known)
        print(f"{wrong}\ntwophase --help tells all verbs and commands", file=sys.stderr)
        return int(code)
    usage = (
        f"usage: twophase VERB …\nVERB is one of {', '.join(_verbs().VERBS)}; commands are {', '.join(known)}"
    )
    print(f"{usage}\n--help tells what each is for; {_EXAMPLES} {shared()}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
