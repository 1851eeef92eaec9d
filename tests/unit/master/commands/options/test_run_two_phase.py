"""The command line of `run_two_phase`: what may be left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from master.commands.options.run_two_phase import TwoPhaseOptions, parse
from master.commands.options.serve import parse_serve


def test_a_sweep_needs_no_file() -> None:
    options = parse(["--grid", "lr=1e-3,1e-4", "--grid", "seed=0..4"])
    assert (options.jobs_config, options.cluster_config) == (None, None)
    assert options.sweep.grid == [("lr", [0.001, 0.0001]), ("seed", [0, 1, 2, 3, 4])]


def test_without_jobs_it_says_how_to_give_some(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--script-path", "train.py"])
    assert "give --jobs-config, or a sweep such as --grid lr=1e-3,1e-4" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["--gird", "lr=1"],
            "unrecognized arguments: --gird: did you mean --grid? Or a flag of your script is given as --set",
        ),
        (["--name", "x"], "unrecognized arguments: --name: a flag of your script is given as --set name=x"),
        (["--name=x"], "unrecognized arguments: --name: a flag of your script is given as --set name=x"),
        (
            ["--amp", "--name"],
            "unrecognized arguments: --amp: a flag of your script is given as --set amp=VALUE; --name",
        ),
        (["extra", "more"], "unrecognized arguments: extra more"),
    ],
)
def test_an_unknown_option_is_told_from_a_flag_of_the_script(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as leaving:
        parse(["--grid", "lr=1", *words])
    assert leaving.value.code == 2
    assert capsys.readouterr().err.startswith(f"run_two_phase: error: {says}")


@pytest.mark.parametrize(
    "read", [lambda words: parse(["--grid", "lr=1", *words]), lambda w: parse_serve(["d", *w])]
)
def test_what_is_said_of_a_page_that_is_not_wanted_is_refused(
    read: Callable[[list[str]], TwoPhaseOptions], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--scripts", "lab", "--data-root", "acts"]
    for given, named in ((words, "--scripts and --data-root"), (words[2:], "--data-root")):
        with pytest.raises(SystemExit) as leaving:
            read(given)
        assert leaving.value.code == 2
        assert (
            f"error: {named}: no page is served that would use it; give --web too" in capsys.readouterr().err
        )
    assert read([*words, "--web", "0"]).data_root == [Path("acts")]
