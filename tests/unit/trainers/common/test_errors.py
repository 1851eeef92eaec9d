"""How bad input, and a defect, end a trainer."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from trainers.common.errors import BadInput, TrainerError, exit_code_of


def raising(error: Exception) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadInput("x is wrong"), 2),
        (TrainerError("x is wrong"), 1),
        (FileNotFoundError(2, "No such file", "x is wrong"), 2),
        (PermissionError(13, "Permission denied", "x is wrong"), 2),
        (OSError(28, "No space left on device", "x is wrong"), 1),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(error: Exception, code: int) -> None:
    stream = io.StringIO()
    assert exit_code_of(raising(error), "trainer", stream) == code
    assert stream.getvalue().startswith("trainer: ") and "x is wrong" in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


def test_work_that_ends_is_a_success_and_a_defect_is_not_hidden() -> None:
    assert exit_code_of(lambda: None, "trainer", io.StringIO()) == 0
    with pytest.raises(ZeroDivisionError):
        exit_code_of(raising(ZeroDivisionError()), "trainer", io.StringIO())
