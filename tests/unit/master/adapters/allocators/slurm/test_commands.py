"""What is run on a login host, word for word, and how its shell treats it."""

from __future__ import annotations

import shlex
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from master.adapters.allocators.pilots import Pilot
from master.adapters.allocators.slurm import commands
from master.specs import PoolSpec, ServerSpec
from worker_agent.protocol.messages import Settings

POOL = PoolSpec("hpc", ServerSpec("login", "login"), 2, 14430.0, options=("--partition=gpu", "--gres=gpu:4"))


def test_ours_follow_the_options_of_the_user() -> None:
    assert commands.batch_options(POOL, "tp-0-hpc.1") == [
        *("--partition=gpu", "--gres=gpu:4", "--job-name=tp-0-hpc.1", "--nodes=1", "--time=241"),
        *("--signal=B:USR1@120", "--no-requeue", "--open-mode=append"),
    ]


def test_a_submission_names_the_log_the_script_and_the_options() -> None:
    argv = commands.submit(POOL, "tp-0-hpc.1", Pilot(("py", "agent"), "./state", "agent.log"))
    assert argv[:3] == ["sh", "-c", argv[2]]
    assert argv[6:10] == ["./state", "agent.log", "#!/bin/sh\nexec 'py' 'agent'", "--parsable"]


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1))
def test_every_word_of_a_pilot_is_one_of_the_batch_step(argv: list[str]) -> None:
    line = commands.batch_script(argv).removeprefix("#!/bin/sh\nexec ")
    assert shlex.split(line) == argv


def test_one_look_asks_for_all_seats_also_for_ended_ones() -> None:
    words = commands.look(["tp-0-hpc.1", "tp-0-hpc.2"])[6:]
    assert words[:4] == ["-h", "--me", "--states=all", "--name=tp-0-hpc.1,tp-0-hpc.2"]
    assert words[4:] == ["-o", commands.QUEUE_FORMAT]


def test_a_step_overlaps_with_the_agent_and_takes_no_node_more() -> None:
    words = commands.step("12", ["py", "agent", "connect"])[6:]
    assert words == [
        *("srun", "--jobid=12", "--overlap", "--nodes=1", "--ntasks=1", "--quiet"),
        *("py", "agent", "connect"),
    ]


def test_a_node_is_asked_without_a_password_and_with_one_word() -> None:
    words = commands.on_node("n4", ["py", "a b"])[6:]
    assert words[:-1] == ["ssh", "-T", "-o", "BatchMode=yes", "--", "n4"]
    assert words[-1].startswith("/bin/sh -c ")


def test_nothing_is_submitted_by_a_test() -> None:
    assert "--test-only" in commands.test_only(POOL, "tp-0-hpc.1")


def test_the_disks_of_both_directories_are_asked_for_and_only_of_those_that_are_set() -> None:
    login = ServerSpec("login", "login", state_dir="~/state", agent=Settings(work_dir="/scratch/me"))
    pool = PoolSpec("hpc", login, 2, 3600.0)
    assert commands.questions(pool)[-2:] == ["./state", "/scratch/me"]
    assert commands.questions(replace(pool, login=replace(login, agent=Settings())))[-1] == "./state"
