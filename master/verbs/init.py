"""`twophase init`: asks for the workers, looks at them, and writes a cluster config."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from master.commands.frame import Command
from master.commands.options.parser import new_parser
from master.commands.options.usual_config import USUAL_CONFIG
from master.errors import UsageError

if TYPE_CHECKING:
    from master.runs.doctor.diagnosis import Diagnosis

NAME = "init"
_DESCRIPTION = """\
Write a first cluster config.  Shows the hosts of ~/.ssh/config, asks which of them are to be workers, looks
at each as `twophase doctor` does, and leaves out those that you say."""
_NEXT = """\
Next, with your own script and values:
  twophase plan{config} --script-path train.py --grid lr=1e-3,1e-4
  twophase plan{config} --script-path train.py --jobs-config jobs.json"""
_EPILOG = """\
exit codes:
  0 written    1 written, and a worker in it cannot be used yet    2 wrong words, or the file is there
  3 ~/.ssh/config cannot be read

examples:
  twophase init
  twophase init --hosts lab1,lab2 --here --yes"""


def main(words: Sequence[str]) -> int:
    """Write the config and return the exit code."""
    return Command(f"twophase {NAME}").run(lambda: _init(parser().parse_args(words)))


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    result = new_parser(f"twophase {NAME}", _DESCRIPTION, _EPILOG, allow_abbrev=False)
    add = result.add_argument
    add(
        "--cluster-config",
        type=Path,
        default=USUAL_CONFIG,
        metavar="F",
        help="the file to write (cluster_config.json)",
    )
    add("--hosts", metavar="H,…", help="these hosts, as ssh takes them; all or none: ask nothing about them")
    add("--here", action="store_true", help="this machine is a worker too")
    add("--yes", action="store_true", help="ask nothing: workers that cannot be used yet stay in")
    return result


def _init(options: argparse.Namespace) -> int:
    from master.core.explaining.health import Health
    from master.runs.doctor.diagnosis import diagnose
    from master.verbs.common.new_cluster import checked, cluster_text
    from worker_agent.protocol.whole_files import write_whole

    path = options.cluster_config
    if path.exists():
        raise UsageError(
            f"{path} is there already: `twophase doctor --cluster-config {path}` looks at its workers"
        )
    asks = not options.yes and sys.stdin.isatty()
    hosts, here = _wanted(options, asks)
    if not hosts and not here:
        raise UsageError("no worker is wanted: give --hosts lab1,lab2, or --here for this machine")
    found = diagnose(checked(cluster_text(hosts, here=here), path))
    _show(found)
    left_out = [
        each.worker for each in found if each.health is Health.BROKEN and asks and _leaves_out(each.worker)
    ]
    kept = [host for host in hosts if host not in left_out]
    here = here and "localhost" not in left_out
    if not kept and not here:
        raise UsageError("no worker is left, nothing is written")
    write_whole(path, cluster_text(kept, here=here).encode())
    print(f"{path} is written. {next_steps(path)}")
    broken = (each for each in found if each.worker not in left_out and each.health is Health.BROKEN)
    return 1 if any(broken) else 0


def next_steps(path: Path) -> str:
    """Return what to do with a config that has been written: commands that find it."""
    named = "" if path == USUAL_CONFIG else f" --cluster-config {shlex.quote(str(path))}"
    return _NEXT.format(config=named)


def _wanted(options: argparse.Namespace, asks: bool) -> tuple[list[str], bool]:
    """Return the hosts that are wanted, and whether this machine is."""
    from master.verbs.common.new_cluster import chosen, known_hosts_of, unlike

    listed = known_hosts_of(Path("~/.ssh/config").expanduser())
    if options.hosts is not None:
        hosts = chosen(options.hosts, listed)
    elif asks:
        hosts = chosen(_ask_hosts(listed), listed)
    else:
        raise UsageError("nobody can be asked here: give --hosts lab1,lab2 (or all, none)")
    for name, alike in unlike(hosts, listed).items():
        print(f"{name} is not in ~/.ssh/config; {alike} is", file=sys.stderr)
    return hosts, options.here or (asks and _yes("Is this machine a worker too?"))


def _ask_hosts(listed: Sequence[str]) -> str:
    if not listed:
        return (
            _answer("~/.ssh/config names no hosts. Which are to be workers (as ssh takes them; none)? ")
            or "none"
        )
    print("Hosts of ~/.ssh/config:")
    for number, host in enumerate(listed, 1):
        print(f"  {number:>3}  {host}")
    return _answer("Which are to be workers (numbers, names, all, none) [all]? ") or "all"


def _answer(question: str) -> str:
    try:
        return input(question)
    except EOFError as error:
        raise UsageError("nobody answers: nothing is written") from error


def _yes(question: str) -> bool:
    return _answer(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def _leaves_out(worker: str) -> bool:
    return _yes(f"{worker} cannot be used as it is. Leave it out?")


def _show(found: Sequence[Diagnosis]) -> None:
    from master.verbs.doctor import lines

    print("\n".join(line for each in found for line in lines(each)))
