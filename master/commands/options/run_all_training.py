"""The command line of `run_all_training`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from master.commands.options.flag_types import whole_number
from master.commands.options.jobs import add_job_options, add_notify
from master.commands.options.parser import new_parser

EXTRA_ARG = "--extra-arg"
VERIFY = "verify"
"""The word for the self-test, which has options of its own."""
RETRIES = 0
"""A script that fails is not tried again unless that is asked for."""

EPILOG = """\
what happens:
  Files train_*.py below the current directory are found, the flags that each takes are read from its text,
  and all are run: one at a time, with --parallel as many as cores, memory and GPUs allow, or with
  --cluster-config on the machines of that file.  When a job has succeeded its results come to
  results/<script without train_>_results; those of an earlier run are kept as …_results.until_<time>.

  Ctrl-C once: running jobs finish, nothing more starts.  Twice: they are stopped, and confirmed gone.

exit codes:
  0 all jobs that are not optional succeeded     1 some failed     2 wrong command line or config file
  3 nothing to run                               4 no usable worker (--cluster-config)    130 interrupted

examples:
  run_all_training --list
  run_all_training --parallel --dry-run
  run_all_training --parallel --max-workers 6 --epochs 50 --folds 5
  run_all_training --parallel --only als alzheimers --retries 2
  run_all_training --config jobs.yaml --no-auto-discover --cluster-config cluster_config.json
  run_all_training verify
"""


@dataclass(frozen=True)
class AllTrainingOptions:
    """The command line."""

    config: Path | None
    only: list[str]
    exclude: list[str]
    exclude_regex: list[str]
    include_pattern: list[str]
    discover_root: list[Path]
    discovery_limit: int | None
    auto_discover: bool
    default_jobs: bool
    allow_discovery_overrides: bool
    mark_discovered_optional: bool
    strict_discovery: bool
    epochs: int | None
    folds: int | None
    sample: int | None
    batch: int | None
    extra_arg: list[str]
    parallel: bool | None
    """None: with a cluster config."""
    max_workers: int | None
    retries: int
    timeout: float | None
    stall_timeout: float | None
    give_up_after: float | None
    executor: str | None
    ignore_missing_modules: bool
    in_place: bool
    cluster_config: Path | None
    allow_partial_success: bool
    base_output_dir: Path
    logs_dir: Path
    summary_dir: Path
    show_list: bool
    dry_run: bool
    json: bool
    verbose: bool
    notify: Path | None


def parse(argv: Sequence[str]) -> AllTrainingOptions:
    """Return the options of a command line.  Ends the process with code 2 where it is wrong."""
    return AllTrainingOptions(**vars(parser().parse_args(list(_joined(argv)))))


def _joined(argv: Sequence[str]) -> Iterator[str]:
    """Join `--extra-arg` to its word, which may begin with dashes."""
    words = iter(argv)
    for word in words:
        value = next(words, None) if word == EXTRA_ARG else None
        yield word if value is None else f"{EXTRA_ARG}={value}"


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    description = "Run all training scripts, in parallel on this machine or on a cluster."
    result = new_parser("run_all_training", description, EPILOG, allow_abbrev=False)
    _add_selection(result.add_argument_group("which jobs"))
    _add_passed(result.add_argument_group("passed to the scripts that take it"))
    _add_running(result.add_argument_group("how they run"))
    _add_output(result.add_argument_group("what is shown and written"))
    return result


def _add_selection(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    many: dict[str, Any] = {"nargs": "+", "action": "extend", "default": []}
    add("--config", type=Path, metavar="F", help="a YAML file of jobs")
    add("--only", metavar="JOB", help="these jobs alone (an id, with or without train_, or a name)", **many)
    add("--exclude", metavar="JOB", help="not these jobs", **many)
    add("--exclude-regex", metavar="R", help="not the scripts in whose path R is found", **many)
    pattern = "more file names, such as fit_*.py; one that begins with train_ narrows the search"
    add("--include-pattern", metavar="P", help=pattern, **many)
    add("--discover-root", type=Path, metavar="DIR", help="where to look (the current directory)", **many)
    add("--discovery-limit", type=whole_number, metavar="N", help="take the first N scripts found")
    add("--no-auto-discover", dest="auto_discover", action="store_false", help="only the jobs of --config")
    no_defaults = "taken from other tools' commands: there are no jobs but those found and those of --config"
    add("--no-default-jobs", dest="default_jobs", action="store_false", help=no_defaults)
    overrides = "a script found takes the place of the --config job of its id"
    add("--allow-discovery-overrides", action="store_true", help=overrides)
    optional = "no script found makes the run fail"
    add("--mark-discovered-optional", action="store_true", help=optional)
    add("--strict-discovery", action="store_true", help="exit code 3 where no script is found")


def _add_passed(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--epochs", type=whole_number, metavar="N")
    add("--folds", type=whole_number, metavar="N")
    add("--sample", type=whole_number, metavar="N", help="how many examples")
    add("--batch", "--batch-size", type=whole_number, metavar="N", help="passed as --batch-size")
    extra = "a word for all scripts, whether they take it or not; may be given again"
    add(EXTRA_ARG, action="append", default=[], metavar="WORD", help=extra)


def _add_running(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--parallel", action=argparse.BooleanOptionalAction, help="several at a time (one at a time)")
    add("--max-workers", type=whole_number, metavar="N", help="at most so many (by cores, memory and GPUs)")
    add_job_options(group, retries=RETRIES)
    in_place = "on this machine: use the scripts and files as they are, not a snapshot"
    add("--in-place", action="store_true", help=in_place)
    add("--cluster-config", type=Path, metavar="F", help="run on the machines of this file")
    add("--allow-partial-success", action="store_true", help="exit code 0 if any job succeeded")


def _add_output(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--base-output-dir", type=Path, default=Path("results"), metavar="DIR", help="results (results)")
    add("--logs-dir", type=Path, default=Path("logs"), metavar="DIR", help="logs (logs)")
    add("--summary-dir", type=Path, default=Path("summaries"), metavar="DIR", help="summaries (summaries)")
    add("--list", dest="show_list", action="store_true", help="show the jobs, run nothing")
    add("--dry-run", action="store_true", help="show the commands, run nothing")
    add_notify(group)
    add("--json", action="store_true", help="one JSON object on standard output in the place of tables")
    add("--verbose", action="store_true", help="say more: commands, and what was passed over")
