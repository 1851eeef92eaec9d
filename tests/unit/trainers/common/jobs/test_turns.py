"""Jobs that take turns: what they ask for, what they are given, and how they end."""

from __future__ import annotations

from collections.abc import Callable, Generator

from trainers.common.errors import TrainerError
from trainers.common.jobs.turns import Task, Turns


class World:
    """Jobs that ask for two words each, and what became of them."""

    def __init__(self, jobs: int) -> None:
        self.given: list[str] = []
        self.ended: dict[int, Exception | None] = {}
        self.unwanted: set[int] = set()
        tasks = [Task(self._run(number), self._may_go_on(number)) for number in range(jobs)]
        self.turns = Turns(tasks, self._ended)

    def _run(self, number: int) -> Generator[str, str, None]:
        for word in ("one", "two"):
            self.given.append((yield f"{word} of {number}"))

    def _may_go_on(self, number: int) -> Callable[[], None]:
        def may_go_on() -> None:
            if number in self.unwanted:
                raise TrainerError("cancelled")

        return may_go_on

    def _ended(self, number: int, error: Exception | None) -> None:
        self.ended[number] = error


def test_a_job_goes_on_with_what_it_asked_for_and_ends_when_it_asks_no_more() -> None:
    world = World(2)
    world.turns.begin()
    assert world.turns.take() == {0: "one of 0"} and not world.turns.asked and world.turns.go_on
    world.turns.send(0, "first")
    world.turns.begin()
    assert world.turns.take() == {0: "two of 0", 1: "one of 1"}
    world.turns.send(0, "second")
    assert (world.given, world.ended) == (["first", "second"], {0: None})
    world.turns.throw(1, OSError("gone"))
    assert str(world.ended[1]) == "gone" and not world.turns.go_on


def test_jobs_that_are_to_end_do_so_while_they_wait_and_before_they_begin() -> None:
    world = World(3)
    world.turns.begin()
    world.unwanted = {0, 2}
    world.turns.ask()
    assert {number: str(error) for number, error in world.ended.items()} == {0: "cancelled", 2: "cancelled"}
    assert (list(world.turns.untouched), world.turns.asked) == ([1], {})
