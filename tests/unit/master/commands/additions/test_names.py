"""What additions are called."""

from __future__ import annotations

import pytest

from master.code.code_history import CodeStart
from master.code.code_record import CodeRecord
from master.commands.additions.names import name_of
from master.core.running.orders.of_jobs import AddJobs, AskedProgram
from master.errors import UsageError

ONE, OTHER = (CodeStart(CodeRecord(f"script:{digit}"), argv=("train.py",)) for digit in "12")


@pytest.mark.parametrize(
    ("program", "name"),
    [
        (AskedProgram(script="/x/train.py"), "train"),
        (AskedProgram(module="lab.train"), "train"),
        (AskedProgram(trainer="sae"), "sae"),
        (AskedProgram(script="/x/my train é.py"), "my-train--"),
        (AskedProgram(script="/x/base_models.py"), "addition"),
        (AskedProgram(script="/x/_.py"), "addition"),
    ],
)
def test_who_gives_no_name_gets_that_of_the_program(program: AskedProgram, name: str) -> None:
    assert name_of(AddJobs(program=program), ONE) == name


def test_other_code_counts_up_and_the_same_code_has_its_name() -> None:
    order = AddJobs(program=AskedProgram(script="/x/train.py"))
    assert name_of(order, OTHER, {"train": ONE}) == "train-2"
    assert name_of(order, OTHER, {"train": ONE, "train-2": OTHER}) == "train-2"
    assert name_of(order, ONE, {"train": ONE, "train-2": OTHER}) == "train"


def test_a_name_belongs_to_one_code() -> None:
    order = AddJobs(program=AskedProgram(script="/x/train.py"), name="mine")
    assert name_of(order, ONE, {"mine": ONE}) == "mine"
    with pytest.raises(UsageError, match="the jobs of that name run other code: give another name, or none"):
        name_of(order, OTHER, {"mine": ONE})


@pytest.mark.parametrize("name", ["a/b", "-x", "../x", "base_models", "x" * 61, "é"])
def test_a_name_is_the_name_of_a_folder(name: str) -> None:
    with pytest.raises(UsageError, match=r"--name .* is a folder of results"):
        name_of(AddJobs(program=AskedProgram(script="/x/a.py"), name=name), ONE)
