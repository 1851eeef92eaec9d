"""Whether a training script parses: told before it is brought to any worker."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Iterable
from pathlib import Path

from master.errors import ConfigError
from master.specs import ServerSpec

_NEVER_RIGHT = (
    "Missing parentheses in call to",  # Python 2
    "(unicode error) 'utf-8' codec",
    "source code string cannot contain null bytes",
)
"""How this interpreter begins to complain of what no later one takes."""


def check_syntax(script: Path, servers: Iterable[ServerSpec]) -> str:
    """Return a warning about a Python script that does not parse here but might on a worker, else "".

    What this interpreter does not know, a worker's newer one may have learned.  Raises ConfigError where that
    cannot be: for what no Python takes, and where all workers use the interpreter of this command.
    Files that are not called `.py` are started by their first line, and may be anything.
    """
    if script.suffix != ".py" or not (error := _error_of(script)):
        return ""
    place = f"line {error.lineno}" if error.lineno else ""
    told = f"does not parse as Python {platform.python_version()}: {error.msg}"
    problem = ConfigError(str(script), place, told)
    if _is_wrong_everywhere(error) or all(_runs_here(server) for server in servers):
        raise problem
    return f"{problem}; on a worker whose Python is not newer all jobs will fail"


def _error_of(script: Path) -> SyntaxError | None:
    """Return why this interpreter would not run a script.  Raises ConfigError for one that cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(script.read_bytes(), str(script), "exec", dont_inherit=True)
    except SyntaxError as error:
        return error
    except ValueError as error:  # a byte of value 0, up to Python 3.11
        return SyntaxError(str(error))
    except OSError as error:
        raise ConfigError(str(script), "", f"the script cannot be read: {error.strerror}") from error
    except (RecursionError, MemoryError):
        pass  # how deep is too deep differs from one interpreter to the next
    return None


def _is_wrong_everywhere(error: SyntaxError) -> bool:
    """True for what no later Python takes."""
    return isinstance(error, IndentationError) or (error.msg or "").startswith(_NEVER_RIGHT)


def _runs_here(server: ServerSpec) -> bool:
    return server.is_local and server.python is None
