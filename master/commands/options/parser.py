"""The parser of every command: what it knows beside its own flags, and how it says what is wrong."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from master.errors import UsageError
from worker_agent import __version__

_UNKNOWN_OPTION = "unrecognized arguments: --"


class _Parser(argparse.ArgumentParser):
    """Tells what is wrong first, and where the options are told in place of telling them all."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with a command line and leave with code 2."""
        usage = f"usage: {self.prog} [options]; {self.prog} --help tells them all"
        self.exit(UsageError.exit_code, f"{self.prog}: error: {message}{self._meant(message)}\n{usage}\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse what is none of an option's choices, with the one that was probably meant."""
        if action.choices is not None and value not in action.choices:
            from master.core.nearest import unknown

            raise argparse.ArgumentError(action, unknown(str(value), list(map(str, action.choices))))

    def _meant(self, message: str) -> str:
        """Say which option was probably meant by the first that is not known; empty for other mistakes."""
        _, is_unknown, words = message.partition(_UNKNOWN_OPTION)
        if not is_unknown or not words or ":" in words:
            return ""
        from master.core.nearest import near

        known = [option for option in self._option_string_actions if option.startswith("--")]
        alike = near(f"--{words.split()[0].partition('=')[0]}", known)
        return f": did you mean {alike}?" if alike else ""


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
