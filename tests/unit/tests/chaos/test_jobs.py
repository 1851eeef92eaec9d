"""The jobs of a run follow from its seed, and each says what must become of it."""

from __future__ import annotations

from tests.chaos.jobs import PREFIX, RETRIES, ask, base_digest
from tests.chaos.script.hostile import FAILED, TRICKS


def test_a_seed_gives_the_same_jobs_and_the_next_run_others() -> None:
    assert ask(1, 0, 50) == ask(1, 0, 50) != ask(1, 1, 50)


def test_one_job_in_five_is_hostile_and_runs_come_to_every_trick() -> None:
    tricks = [trick for number in range(4) for trick in ask(0, number, 200).tricks.values()]
    hostile = [trick for trick in tricks if trick != "none"]
    assert 150 <= len(hostile) <= 160
    assert set(hostile) == set(TRICKS) - {"none"}


def test_what_is_expected_is_that_of_the_job() -> None:
    asked = ask(5, 0, 100)
    for job in asked.content["jobs"]:
        expected = asked.expected[f"{PREFIX}/{job['id']}"]
        fails = TRICKS[job["trick"]].ends == FAILED
        assert expected.base == base_digest(job["base"])
        assert (expected.succeeds, expected.tries > RETRIES) == (not fails, fails)
    assert len({expected.base for expected in asked.expected.values()}) == 4


def test_there_are_as_many_kinds_of_hostile_scripts_as_promised() -> None:
    groups = {name.partition("_")[0] if name.startswith(("signal_", "exit_")) else name for name in TRICKS}
    assert len(groups - {"none"}) >= 29
    assert all(trick.play for trick in TRICKS.values())
