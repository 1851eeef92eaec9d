"""`twophase completion`: what a shell needs to complete the words of `twophase`.

The shell gets a script once, made by shtab from the parsers of all verbs: completing starts no Python, and no
command loads anything for it.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence

from master.commands.frame import Command
from master.commands.options.parser import new_parser
from master.verbs.table import VERBS

NAME = "completion"
SHELLS = ("bash", "zsh", "fish")
_DESCRIPTION = "Print a script that lets a shell complete the words of `twophase`."
_EPILOG = """\
exit codes:
  0 done    2 wrong words, or the package shtab is missing

examples:
  twophase completion bash > ~/.local/share/bash-completion/completions/twophase
  twophase completion zsh > "${fpath[1]}/_twophase\""""


def main(words: Sequence[str]) -> int:
    """Print the script and return the exit code."""
    return Command(f"twophase {NAME}").run(lambda: _print(parser().parse_args(words).shell))


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    result = new_parser(f"twophase {NAME}", _DESCRIPTION, _EPILOG, allow_abbrev=False)
    result.add_argument("shell", choices=SHELLS)
    return result


def _print(shell: str) -> int:
    try:
        import shtab
    except ModuleNotFoundError as error:
        from master.errors import UsageError

        raise UsageError("shtab makes the script: pip install 'twophase[completion]'") from error
    print(shtab.complete(whole_parser(), shell=shell))
    return 0


def whole_parser() -> argparse.ArgumentParser:
    """Return one parser of all verbs."""
    whole = argparse.ArgumentParser(prog="twophase", description="Train each base model once.")
    verbs = whole.add_subparsers(dest="verb", metavar="VERB")
    for verb in VERBS.values():
        own = importlib.import_module(verb.module).parser()
        verbs.add_parser(verb.name, help=verb.about, parents=[own], add_help=False)
    return whole
