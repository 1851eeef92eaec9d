"""The standard streams of a command, whatever it was started with."""

from __future__ import annotations

import io
import os
import sys


def make_usable() -> None:
    """Replace standard streams that are closed, and let none of them stumble over a character.

    A file that is opened while one is closed would take its number, and whatever is printed there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
