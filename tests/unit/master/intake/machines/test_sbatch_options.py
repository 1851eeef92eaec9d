from __future__ import annotations

import json

import pytest

from master.errors import ConfigError
from master.intake.machines.sbatch_options import sbatch_options
from master.intake.strict_json import parse_document


def options(*texts: str) -> tuple[str, ...]:
    return sbatch_options(parse_document(json.dumps(texts), "cluster.json").root)


def test_options_of_the_site_stay_as_they_are() -> None:
    given = "--partition=gpu", "-pgpu", "--gres=gpu:4", "--time-min=30", "--nodelist=n[1-3]", "-c8", "-H"
    assert options(*given, "--comment=two words") == (*given, "--comment=two words")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("--nodes=2", "`--nodes` cannot be set here: a seat is one node"),
        ("-N2", "a seat is one node"),
        ("-HN2", "a seat is one node"),
        ("--node=2", "a seat is one node"),
        ("--ntasks=4", "--cpus-per-task for cores"),
        ("-n4", "--cpus-per-task for cores"),
        ("--output=x.log", "keeps what an allocation prints"),
        ("-o", "keeps what an allocation prints"),
        ("--job-name=mine", "finds its allocations by their names"),
        ("-Jmine", "finds its allocations by their names"),
        ("--time=1:00:00", "write it as `time`"),
        ("-t60", "write it as `time`"),
        ("--array=1-4", "as `seats`"),
        ("--signal=USR1@60", "before the end"),
        ("--sig=USR1@60", "before the end"),
        ("--wrap=true", "submits its agent"),
        ("--chdir=/x", "`state_dir`"),
        ("--clusters=all", "of the login host alone"),
        ("gpu", "is not an option of sbatch"),
        ("--partition gpu", "write `--partition=gpu`"),
        ("--", "is not an option of sbatch"),
    ],
)
def test_what_contradicts_ours_is_refused_by_name(text: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        options("--partition=gpu", text)
    assert says in caught.value.problem and caught.value.place.startswith("[1]")
