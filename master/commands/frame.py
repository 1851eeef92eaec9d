"""What every command does around its work: errors become one message and an exit code, never a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from master.commands.standard_streams import make_usable
from master.core.exit_codes import EXIT_INTERRUPTED, EXIT_SOME_FAILED
from master.core.harmless import clean
from master.errors import ConfigError, TwophaseError, UsageError


@dataclass(frozen=True)
class Command:
    """A command by its name."""

    name: str
    config_error: int = ConfigError.exit_code
    """Its exit code for a file of the user's that is wrong."""

    def run(self, work: Callable[[], int]) -> int:
        """Do the work of the command and return its exit code."""
        make_usable()
        try:
            code = work()
            sys.stdout.flush()
            return code
        except TwophaseError as error:
            self.say(str(error))
            return self.config_error if isinstance(error, ConfigError) else error.exit_code
        except BrokenPipeError:
            let_go_of_output()
            return EXIT_SOME_FAILED
        except OSError as error:
            self.say(f"{error.filename or 'a file'}: {error.strerror or error}")
            return UsageError.exit_code
        except KeyboardInterrupt:
            self.say("interrupted before anything was started")
            return EXIT_INTERRUPTED

    def say(self, text: str) -> None:
        """Tell the user, on standard error."""
        # A worker's words may be in it, and these may hold what a terminal would obey.
        lines = f"{self.name}: {text}".split("\n")
        indents = (len(line) - len(line.lstrip(" ")) for line in lines)
        cleaned = (" " * n + clean(line) for n, line in zip(indents, lines, strict=True))
        print("\n".join(cleaned), file=sys.stderr)

    @contextmanager
    def printing(self) -> Iterator[None]:
        """Print what a reader may no longer be there for: that ends no run and changes no exit code."""
        try:
            yield
            sys.stdout.flush()
        except (OSError, SystemExit) as error:  # rich leaves the program where nobody reads
            if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
                if error.filename is not None:
                    raise
                self.say(f"standard output cannot be written: {error.strerror}")
            let_go_of_output()


def let_go_of_output() -> None:
    """Write what is left for standard output to nowhere: the interpreter must not try again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
