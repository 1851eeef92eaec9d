"""What the last words of a script tell."""

from __future__ import annotations

import pytest

from master.core.running.failures import hopeless, last_line, signature
from worker_agent.protocol.outcome import NO_BASE_MODEL

ARGPARSE = "usage: train.py [-h] [--lr LR]\ntrain.py: error: unrecognized arguments: --foo 1\n"
CLICK = "Usage: train.py [OPTIONS]\nTry 'train.py --help' for help.\n\nError: No such option: --foo\n"
TYPER = "Usage: train.py [OPTIONS]\n╭─ Error ────────╮\n│ No such option: --foo  │\n╰────────────────╯\n"
TRACE = 'Traceback (most recent call last):\n  File "/w/a1/train.py", line 3, in <module>\n'


@pytest.mark.parametrize(
    ("exit_code", "tail", "reason"),
    [
        (2, ARGPARSE, "the script does not take its flags: train.py: error: unrecognized arguments: --foo 1"),
        (2, CLICK, "the script does not take its flags: Error: No such option: --foo"),
        (2, TYPER, "the script does not take its flags: No such option: --foo"),
        (2, "no such file", ""),
        (1, ARGPARSE, ""),
        (
            1,
            f"{TRACE}ModuleNotFoundError: No module named 'torch'\n",
            "no module torch in the worker's Python",
        ),
        (
            1,
            f"{TRACE}    x = = 1\nSyntaxError: invalid syntax\n",
            "Python cannot read the code: SyntaxError: invalid syntax",
        ),
        (
            1,
            f"{TRACE}IndentationError: unexpected indent",
            "Python cannot read the code: IndentationError: unexpected indent",
        ),
        (1, f"{TRACE}ValueError: SyntaxError: no", ""),
        (1, f"{TRACE}RuntimeError: CUDA error", ""),
        (None, "", ""),
    ],
)
def test_what_would_fail_again_is_told(exit_code: int | None, tail: str, reason: str) -> None:
    assert hopeless(exit_code, tail) == reason


def test_a_script_that_makes_no_base_model_makes_none_the_next_time() -> None:
    error = f"{NO_BASE_MODEL}: neither here nor there"
    assert hopeless(0, "done\n", error) == error
    assert hopeless(0, "done\n", "cannot read the output") == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ValueError: loss is 0.25 at step 17", "ValueError: loss is 3e-7 at step 9000"),
        ("OSError: no space: /scratch/a/b.pt", "OSError: no space: /home/lab/x/c.pt"),
        (
            "FileNotFoundError: [Errno 2] No such file: 'data/1.csv'",
            "FileNotFoundError: [Errno 2] No such file: 'data/22.csv'",
        ),
        ("<Thing at 0x7f00aa>", "<Thing at 0x7fbb01>"),
        (
            "no labels in /w/attempts/alpha,job-3841402e.1/work",
            "no labels in /w/attempts/alpha,job-652c493c.2/work",
        ),
    ],
)
def test_failures_that_differ_by_numbers_and_paths_are_alike(one: str, other: str) -> None:
    assert signature(1, f"step 1\n{one}\n") == signature(1, f"{other}\n\n")


def test_other_words_and_another_exit_are_another_failure() -> None:
    assert (
        len({signature(1, "ValueError: a"), signature(1, "ValueError: b"), signature(3, "ValueError: a")})
        == 3
    )


def test_the_last_line_that_says_something_counts() -> None:
    assert last_line("first\nsecond\n\n  \n") == "second"
    assert last_line("") == ""
