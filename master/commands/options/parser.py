"""The parser of every command: what it knows beside its own flags, and how it says what is wrong."""

from __future__ import annotations

import argparse
from typing import NoReturn

from master.errors import UsageError
from worker_agent import __version__


class _Parser(argparse.ArgumentParser):
    """Tells what is wrong first, and where the options are told in place of telling them all."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with a command line and leave with code 2."""
        usage = f"usage: {self.prog} [options]; {self.prog} --help tells them all"
        self.exit(UsageError.exit_code, f"{self.prog}: error: {message}\n{usage}\n")


def new_parser(
    prog: str, description: str, epilog: str, *, allow_abbrev: bool = True
) -> argparse.ArgumentParser:
    """Return a parser that knows `--help` and `--version`, and prints its texts as they are."""
    parser = _Parser(
        prog=prog,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=allow_abbrev,
    )
    parser.add_argument("--version", action="version", version=f"{prog} {__version__}")
    return parser
