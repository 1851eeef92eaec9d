"""The command line of `run_two_phase`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from master.commands.options.flag_types import bounded, number_of_seconds, number_of_tries
from master.commands.options.jobs import add_job_options, add_notify
from master.commands.options.parser import new_parser
from master.commands.options.sweep import SWEEP_EXAMPLES, add_sweep_options, take_sweep
from master.core.nearest import near
from master.core.running.policy import Policy
from master.intake.sweeps.words import SweepFlags

NAME = "run_two_phase"
WEB_PORT = 8642
MOST_ALIKE = 10
"""Jobs that may fail alike before the run is halted."""
_MISSPELT = 0.7
"""How like an option a word is that was meant for it: a flag of the script may have any name."""
STYLES = ("separate", "joined", "bare")
_STYLE_HELP = (
    "how values follow flags: separate (--key value), joined (--key=value), bare (key=value);"
    " as the script's library has it"
)
CLUSTER_HELP = (
    "the workers, JSON or YAML (this machine; with `twophase`: cluster_config.json where it is here)"
)
EPILOG = f"""\
what happens:
  Phase 1 trains every base model that the jobs need and that is not in experiments/base_models/ yet, each
  once, anywhere in the cluster, and brings it home.  Phase 2 runs the jobs; a job starts as soon as its own
  base model is home.  Workers fetch the base models that they miss and keep them.

  The same command again continues where it stopped: after Ctrl-C, a crash, or a reboot of any machine.
  Ctrl-C once: running jobs may finish.  Twice: they are cancelled.  Closing the terminal stops nothing.

exit codes:
  0 all jobs succeeded    1 some failed    2 wrong command line    3 a config file is invalid
  4 no usable worker      130 interrupted

examples:
  run_two_phase --cluster-config cluster_config.json --jobs-config jobs.json --script-path train.py --dry-run
  run_two_phase --cluster-config cluster_config.json --jobs-config jobs.json --script-path train.py
{SWEEP_EXAMPLES}"""


@dataclass(frozen=True)
class TwoPhaseOptions:
    """What the user asked for."""

    cluster_config: Path | None
    """None for this machine alone."""
    jobs_config: Path | None
    """None where the flags of a sweep say all."""
    sweep: SweepFlags
    script_path: Path | None
    module: str | None
    trainer: str | None
    project_root: Path | None
    flag_style: str | None
    code: str | None
    run_dir: Path
    skip_phase1: bool
    strict_phases: bool
    retry_cancelled: bool
    dry_run: bool
    rebuild: bool
    verify: bool
    retries: int
    lease: float
    give_up_after: float | None
    max_failures: int
    timeout: float | None
    stall_timeout: float | None
    executor: str | None
    ignore_missing_modules: bool
    no_parallel: bool
    quiet: bool
    log_file: Path | None
    verbose: bool
    notify: Path | None
    web: int | None
    """The port of the page; None for none."""
    scripts: Sequence[Path]
    """Folders whose scripts visitors of the page may have run."""
    data_root: list[Path]
    """Folders below which trainings that are asked for over HTTP find their activations."""
    json: bool
    tmux_session: str | None


def parse(argv: Sequence[str] | None = None, name: str = NAME) -> TwoPhaseOptions:
    """Return the options of a command line.  Ends the process with code 2 where it is wrong."""
    commands = parser(name)
    found, unknown = commands.parse_known_args(argv)
    if unknown:
        commands.error(unknown_words(unknown, commands))
    given = vars(found)
    sweep = take_sweep(commands, given)
    if given["jobs_config"] is None and not sweep.given and not given["verify"]:
        commands.error("no jobs: give --jobs-config, or a sweep such as --grid lr=1e-3,1e-4")
    check_page(commands, given)
    return TwoPhaseOptions(sweep=sweep, **given)


def check_page(commands: argparse.ArgumentParser, given: Mapping[str, Any]) -> None:
    """End the process with code 2 where something is said of a page that is not wanted."""
    told = {"--scripts": given["scripts"], "--data-root": given["data_root"]}
    if given["web"] is None and (vain := [name for name, folders in told.items() if folders]):
        commands.error(f"{' and '.join(vain)}: no page is served that would use it; give --web too")


def unknown_words(words: Sequence[str], commands: argparse.ArgumentParser) -> str:
    """Say what is wrong with words that no option takes: which was meant, or how a script is told a flag."""
    known = re.findall(r"--([a-z0-9-]+)", commands.format_usage())
    told = [
        _unknown_option(word, following, known)
        for word, following in zip(words, [*words[1:], ""], strict=True)
        if word.startswith("--")
    ]
    return f"unrecognized arguments: {'; '.join(told) or ' '.join(words)}"


def _unknown_option(word: str, following: str, known: Sequence[str]) -> str:
    name, joined, value = word[2:].partition("=")
    value = value if joined else "VALUE" if following[:1] in ("", "-") else following
    alike = near(name, known, _MISSPELT)
    meant = f"did you mean --{alike}? Or " if alike else ""
    return f"--{name}: {meant}a flag of your script is given as --set {name}={value}"


def parser(name: str = NAME) -> argparse.ArgumentParser:
    """Return the parser of the command under the name by which it was called."""
    description = "Train every base model once, then run every experiment from it."
    result = new_parser(name, description, EPILOG)
    _add_input(result.add_argument_group("what runs"))
    add_sweep_options(result)
    _add_phases(result.add_argument_group("what is done"))
    add_limits(result.add_argument_group("how jobs run"))
    _add_output(result.add_argument_group("what is shown"))
    return result


def _add_input(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--cluster-config", type=Path, metavar="F", help=CLUSTER_HELP)
    add("--jobs-config", type=Path, metavar="F", help="the experiments, JSON or YAML (those of the sweep)")
    add_program_options(group)
    add("--run-dir", type=Path, default=Path(), metavar="DIR", help="where results and state go (here)")


def add_program_options(group: argparse._ArgumentGroup) -> None:
    """Add the options that say what jobs run."""
    what = group.add_mutually_exclusive_group()
    what.add_argument("--script-path", type=Path, metavar="F", help="your training script, as it is")
    module = "your training module, as for `python -m`"
    what.add_argument("-m", dest="module", metavar="MODULE", help=module)
    trainer = "a trainer that ships with Twophase (personalization)"
    what.add_argument("--trainer", metavar="NAME", help=trainer)
    root = "the folder that travels as code and that jobs start in (see docs/script_contract.md)"
    group.add_argument("--project-root", type=Path, metavar="DIR", help=root)
    group.add_argument("--flag-style", choices=STYLES, help=_STYLE_HELP)


def _add_phases(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    dry_run = "show the whole plan and the state of the workers, start nothing"
    add("--dry-run", action="store_true", help=dry_run)
    verify = "hash all base models and results of --run-dir, start nothing; 1 where something is wrong"
    add("--verify", action="store_true", help=verify)
    rebuild = "go on where the journal was lost, damaged or put back from an older copy: read the results"
    add("--rebuild", action="store_true", help=rebuild)
    code = "resume under changed code: with that of the earlier start (keep), or with that of now (new)"
    add("--code", choices=("keep", "new"), help=code)
    add("--skip-phase1", action="store_true", help="train no base model: all must be in the store already")
    cancelled = "run again, too, what was cancelled by `twophase cancel`; what failed is tried again anyway"
    add("--retry-cancelled", action="store_true", help=cancelled)
    add("--strict-phases", action="store_true", help="hold Phase 2 until Phase 1 is complete")


def add_limits(group: argparse._ArgumentGroup) -> None:
    """Add the options that say how jobs run, and what is borne of them and of workers."""
    add_job_options(group, retries=Policy.retries)
    alike = (
        f"start nothing more after N jobs that failed alike, none succeeding between; 0: never ({MOST_ALIKE})"
    )
    add = group.add_argument
    add("--max-failures", type=number_of_tries, default=MOST_ALIKE, metavar="N", help=alike)
    lease = f"a worker silent for so long loses its jobs ({Policy.lease_s:g})"
    add("--lease", type=number_of_seconds, default=Policy.lease_s, metavar="S", help=lease)


def add_watching(group: argparse._ArgumentGroup) -> None:
    """Add the options that say who sees what happens, and where."""
    add = group.add_argument
    add("--quiet", action="store_true", help="show problems and the end only")
    add("--log-file", type=Path, metavar="F", help="write all that happens to a file too")
    add_notify(group)
    page = f"serve the page of the run while it goes on, on this port of this machine ({WEB_PORT}; 0: any)"
    port = bounded(int, 0, 65535, "port (0 to 65535)")
    add("--web", type=port, nargs="?", const=WEB_PORT, metavar="PORT", help=page)
    below = "with --web: its POST /api/jobs takes jobs of scripts below this folder, not of trainers alone"
    add("--scripts", type=Path, action="append", default=[], metavar="DIR", help=below)
    roots = "with --web: trainings asked for over HTTP may use files below DIR; may be given again"
    add("--data-root", type=Path, action="append", default=[], metavar="DIR", help=roots)


def _add_output(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--no-parallel", action="store_true", help="run one job at a time, on all workers together")
    add_watching(group)
    add("--verbose", action="store_true", help="with --dry-run: a line for each job, its command")
    as_json = "print the plan or the outcome as one JSON object on standard output"
    add("--json", action="store_true", help=as_json)
    tmux = "accepted, and no longer needed: closing the terminal stops nothing"
    add("--tmux-session", metavar="NAME", help=tmux)
