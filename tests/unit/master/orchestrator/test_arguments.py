"""The command line of a job, and the one of the command itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.commands.options.run_all_training import parse
from master.orchestrator.arguments import Passed, argv_of, not_passed, parameters_of, shown_command
from master.orchestrator.jobs import TrainingJob

ALL = {
    **{"epochs": "--epochs", "folds": "--folds", "sample": "--sample"},
    **{"batch": "--batch_size", "output_dir": "--output-dir"},
}


def job(takes: dict[str, str], *args: str) -> TrainingJob:
    return TrainingJob("train_a", "a", Path("/p/train_a.py"), "a_results", takes, args)


@pytest.mark.parametrize(
    ("takes", "passed", "words"),
    [
        ({}, Passed(1, 2, 3, 4), []),
        ({"epochs": "--epochs"}, Passed(epochs=5, folds=3), ["--epochs", "5"]),
        ({"epochs": "--epochs"}, Passed(), []),
        (
            ALL,
            Passed(1, 2, 3, 4),
            [
                *("--epochs", "1", "--folds", "2", "--sample", "3", "--batch_size", "4"),
                *("--output-dir", "{output_dir}"),
            ],
        ),
        ({}, Passed(extra=("--verbose", "x y")), ["--verbose", "x y"]),
    ],
)
def test_only_what_a_script_takes_is_passed(takes: dict[str, str], passed: Passed, words: list[str]) -> None:
    assert argv_of(job(takes), "train_a.py", passed) == ["{python}", "train_a.py", *words]


@pytest.mark.parametrize("own", [("--epochs", "1"), ("--epochs=1",)])
def test_the_jobs_own_words_beat_those_of_the_command(own: tuple[str, ...]) -> None:
    given = job({"epochs": "--epochs", "folds": "--folds"}, *own)
    words = argv_of(given, "-a.py", Passed(epochs=50, folds=5, extra=("-v",)))
    assert words == ["{python}", "./-a.py", *own, "--folds", "5", "-v"]
    assert not_passed(job({}, *own), Passed(epochs=50)) == ()


@pytest.mark.parametrize("flag", ["--batch", "--batch-size", "--batch_size"])
def test_a_batch_of_a_jobs_own_beats_the_commands_in_any_spelling(flag: str) -> None:
    words = argv_of(job({"batch": "--batch-size"}, flag, "8"), "a.py", Passed(batch=128))
    assert words == ["{python}", "a.py", flag, "8"]


def test_what_is_not_passed_is_told() -> None:
    assert not_passed(job({"epochs": "--epochs"}), Passed(epochs=1, folds=2, batch=3)) == ("folds", "batch")


def test_a_shown_command_can_be_given_to_a_shell() -> None:
    shown = shown_command(["{python}", "a b.py", "--output-dir", "{output_dir}"], "/r/a_results")
    assert shown == "python 'a b.py' --output-dir /r/a_results"


def test_extra_words_may_begin_with_dashes_and_be_flags_of_ours() -> None:
    options = parse(
        ["--parallel", "--extra-arg", "--verbose", "--extra-arg", "--early-stopping", "--extra-arg=x"]
    )
    assert options.extra_arg == ["--verbose", "--early-stopping", "x"]
    assert options.verbose is False


def test_lists_may_be_given_in_one_or_in_several() -> None:
    options = parse(["--only", "a", "b", "--only", "c", "--exclude", "d", "--batch-size", "7"])
    assert (options.only, options.exclude, options.batch) == (["a", "b", "c"], ["d"], 7)


def test_times_may_have_a_unit() -> None:
    options = parse(["--timeout", "2h", "--stall-timeout", "90"])
    assert (options.timeout, options.stall_timeout) == (7200.0, 90.0)


def test_a_flag_of_other_tools_for_jobs_that_are_built_in_is_taken() -> None:
    assert parse(["--no-default-jobs"]).default_jobs is False


@pytest.mark.parametrize(
    ("words", "parallel"), [([], None), (["--parallel"], True), (["--parallel", "--no-parallel"], False)]
)
def test_parallel_can_be_taken_back(words: list[str], parallel: bool | None) -> None:
    assert parse(words).parallel is parallel


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--epochs", "0"], "invalid whole number (1 or more) value: '0'"),
        (["--max-workers", "-1"], "--max-workers"),
        (["--retries", "101"], "number of tries (0 to 100)"),
        (["--timeout", "0"], "invalid time (seconds above 0, or like 90s, 15m, 2h, 1d) value: '0'"),
        (["--paralel"], "unrecognized arguments: --paralel"),
        (["--extra-arg"], "expected one argument"),
    ],
)
def test_a_wrong_command_line_is_exit_code_2(
    words: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(words)
    assert caught.value.code == 2
    assert problem in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "parameters"),
    [
        ("python train.py", {}),
        ("python train.py data.csv --lr 0.1 --name=x -e 5", {"lr": 0.1, "name": "x", "e": 5}),
        (
            "python train.py --amp --shift -1 --sizes 1 2 --to a --to b",
            {"amp": True, "shift": -1, "sizes": [1, 2], "to": ["a", "b"]},
        ),
        ("./train.sh model.lr=1e-3 +seed=3", {"model.lr": 0.001, "+seed": 3}),
        ("python -m pkg.train --big 1e999 --x NaN --not null", {"big": "1e999", "x": "NaN", "not": None}),
    ],
)
def test_parameters_are_read_from_the_flags(words: str, parameters: dict[str, object]) -> None:
    assert parameters_of(words.split()) == parameters
