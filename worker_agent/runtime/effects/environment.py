"""The environment that jobs start from: made by `setup` in the background, each once, kept in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, List, Mapping, Tuple

from worker_agent.core import slot_assignment
from worker_agent.core.state import AgentState
from worker_agent.environment.job_base import JobBase, job_base, plain_base
from worker_agent.environment.missing import checked, missing_of
from worker_agent.environment.setup_script import SetupError
from worker_agent.protocol.messages import Settings
from worker_agent.runtime.effects.table import Handlers
from worker_agent.runtime.ports import Master, Workers

Recipe = Tuple[object, ...]
Then = Callable[[str], None]
"""Is told why there is no environment, "" where there is one."""


@dataclass(frozen=True)
class BaseMade:
    """The answer of a `setup`: what jobs start from, or why it failed."""

    recipe: Recipe
    base: JobBase
    problem: str = ""


@dataclass(frozen=True)
class MissingFound:
    """What jobs will not find on this machine."""

    notes: List[str]


class EnvironmentEffects:
    """Makes the environments that settings ask for, and looks for what is missing in them."""

    def __init__(
        self, state: AgentState, workers: Workers, master: Master, inherited: Mapping[str, str]
    ) -> None:
        self._state, self._workers, self._master = state, workers, master
        self._inherited = inherited
        self._made: Dict[Recipe, JobBase] = {}
        self._waiting: Dict[Recipe, List[Then]] = {}

    def table(self) -> Handlers:
        """Return which answers of threads are handled here."""
        return {BaseMade: self._on_made, MissingFound: self._on_missing}

    def knows(self, settings: Settings) -> bool:
        """Return whether `base_of` has the environment that settings ask for."""
        needs = settings.setup or settings.required_modules or settings.directories
        return not needs or _recipe(settings) in self._made

    def base_of(self, settings: Settings) -> JobBase:
        """Return what jobs start from; without what `setup` adds where it has not been run."""
        return self._made.get(_recipe(settings)) or plain_base(settings, self._inherited)

    def make(self, settings: Settings, then: Then) -> None:
        """Run `setup` and look for what must be there, unless that is under way, and call `then`."""
        recipe, plain = _recipe(settings), plain_base(settings, self._inherited)
        self._waiting.setdefault(recipe, []).append(then)
        if len(self._waiting[recipe]) == 1:
            self._workers.look(lambda: _make(recipe, settings, self._inherited, plain))

    def look_for_missing(self, settings: Settings) -> None:
        """Look for what jobs need, and tell the master what is not there."""
        base = self.base_of(settings)
        if settings.modules:
            self._workers.look(lambda: MissingFound(missing_of(base, settings)))

    def _on_made(self, answer: BaseMade) -> None:
        if not answer.problem:
            self._made[answer.recipe] = answer.base
        for then in self._waiting.pop(answer.recipe, []):
            then(answer.problem)

    def _on_missing(self, answer: MissingFound) -> None:
        if answer.notes:
            self._master.say(slot_assignment.told(self._state, answer.notes))


def _make(recipe: Recipe, settings: Settings, inherited: Mapping[str, str], plain: JobBase) -> BaseMade:
    try:
        return BaseMade(recipe, checked(job_base(settings, inherited), settings))
    except SetupError as error:
        return BaseMade(recipe, plain, str(error))
    except Exception as error:  # whoever waits must hear of it
        return BaseMade(recipe, plain, f"setup: {error!r}")


def _recipe(settings: Settings) -> Recipe:
    needs = (tuple(settings.required_modules), tuple(settings.directories))
    return (*settings.setup, *sorted(settings.env.items()), *needs)
