"""Damaged files: what libraries raise about bytes that are not what they should be, as one kind of error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trainers.common.errors import BadInput, TrainerError
from trainers.common.memory import is_out_of_memory


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever is raised inside the block into BadInput: `path` cannot be read as this `kind` of file.

    Readers answer damage with what happens to come up, from AssertionError to TypeError.  What our own checks
    say, and the end of memory, passes.
    """
    try:
        yield
    except TrainerError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise BadInput(f"{path}: cannot be read as {kind}: {told(error)}") from error


def told(error: Exception) -> str:
    """Return what an error says, on one line that is not too long."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else text[:299] + "…"
