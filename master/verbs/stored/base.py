"""`twophase base`: the base models of a run directory, their versions, and which of them may go."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from pathlib import Path

from master.commands.frame import Command
from master.commands.options.parser import new_parser
from master.verbs.common.options import add_run_options

NAME = "base"
_DESCRIPTION = """\
What has been trained stays at home, below experiments/base_models: list it, check it, tell where one comes
from and who started from it, keep one whatever happens, delete what nobody needs.  No master is needed."""
_EPILOG = """\
exit codes:
  0 done    1 one is damaged    2 wrong words, or no such directory or base model
  3 the journal, or a jobs file, cannot be read

examples:
  twophase base ls
  twophase base verify --run ~/searches/7 --json | jq '.base_models[] | select(.problem)'
  twophase base log 3fe1a2
  twophase base diff 3fe1a2 90bb41
  twophase base gc jobs.json older.json --script-path train.py"""
_MODULES = {
    "ls": "listing",
    "verify": "listing",
    "log": "versions",
    "diff": "versions",
    "pin": "pins",
    "unpin": "pins",
    "gc": "collecting",
}
_BASE_MODEL = "its hash, or the first six digits or more of it"


def main(words: Sequence[str]) -> int:
    """Do what is asked for and return the exit code."""
    command = Command(f"twophase {NAME}")
    return command.run(lambda: _do(parser().parse_args(words), command))


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    result = new_parser(f"twophase {NAME}", _DESCRIPTION, _EPILOG, allow_abbrev=False)
    verbs = result.add_subparsers(dest="what", metavar="WHAT", required=True, prog=f"twophase {NAME}")

    def verb(name: str, about: str) -> argparse.ArgumentParser:
        own = verbs.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
        add_run_options(own)
        return own

    verb("ls", "list them, with what was asked for and how many experiments of the run start from each")
    verb("verify", "read every file of them and compare it with its digest")
    one = verb("log", "tell where one comes from, its versions by other code, and who started from it")
    one.add_argument("base_model", metavar="HASH", help=_BASE_MODEL)
    two = verb("diff", "tell in what two base models differ: fields, code, metrics")
    two.add_argument("base_models", nargs=2, metavar="HASH", help=_BASE_MODEL)
    pin = verb("pin", "let gc never delete a base model")
    pin.add_argument("base_model", metavar="HASH", help=_BASE_MODEL)
    pin.add_argument("--why", default="", metavar="TEXT", help="a word to those who wonder later")
    verb("unpin", "undo pin").add_argument("base_model", metavar="HASH", help=_BASE_MODEL)
    _add_gc(verb("gc", "tell which base models nobody needs any more, and with --yes delete them"))
    return result


def _add_gc(gc: argparse.ArgumentParser) -> None:
    stays = (
        "what these jobs files need stays, as what the last start in the directory does and what is pinned"
    )
    gc.add_argument("jobs", nargs="*", type=Path, metavar="jobs.json", help=stays)
    code = gc.add_mutually_exclusive_group()
    code.add_argument("--script-path", type=Path, metavar="FILE", help="the script of the jobs files")
    code.add_argument("-m", dest="module", metavar="MODULE", help="their module")
    code.add_argument("--trainer", metavar="NAME", help="their built-in trainer")
    gc.add_argument("--project-root", type=Path, metavar="DIR", help="as for run_two_phase")
    gc.add_argument(
        "--cluster-config", type=Path, metavar="F", help="tells what beside the script is no code"
    )
    gc.add_argument("--yes", action="store_true", help="delete them; without it they are named")


def _do(options: argparse.Namespace, command: Command) -> int:
    from master.errors import UsageError

    if not options.run.is_dir():
        raise UsageError(f"{options.run} is no directory: give that of a run, --run DIR")
    code: int = importlib.import_module(f"master.verbs.stored.{_MODULES[options.what]}").do(options, command)
    return code
